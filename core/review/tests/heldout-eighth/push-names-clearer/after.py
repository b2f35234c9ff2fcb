def total(lines):
    # The price of all lines of an order.
    return sum(line.price for line in lines)
