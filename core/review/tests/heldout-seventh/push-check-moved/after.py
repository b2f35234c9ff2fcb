def pay(user, order):
    return bank.pay(order)


def entry(user, order):
    if not authorize(user, order):
        raise Forbidden()
    return pay(user, order)
