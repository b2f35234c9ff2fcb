def pay(user, order):
    if not authorize(user, order):
        raise Forbidden()
    return bank.pay(order)


def entry(user, order):
    return pay(user, order)
