def total(xs):
    # sum up
    return sum(x.price for x in xs)
