"""placeholder"""
def check_restrictions(module, findings): pass
