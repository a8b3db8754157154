"""Abstract domains, one file each, all with the vocabulary of `lattice.Domain`; `product` combines them."""
