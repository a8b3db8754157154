"""placeholder"""
def explain(error, text, opened):
    raise error
