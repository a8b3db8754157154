"""The language of `.rpol` files: grammar, names, types, typed IR, reference interpreter."""
