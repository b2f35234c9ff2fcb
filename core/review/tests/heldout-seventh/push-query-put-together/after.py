def find(db, name, order="name"):
    return db.execute(f"SELECT id, name FROM customers WHERE name = '{name}' ORDER BY {order}").fetchall()
