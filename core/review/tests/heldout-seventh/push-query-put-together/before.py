def find(db, name):
    return db.execute("SELECT id, name FROM customers WHERE name = %s", (name,)).fetchall()
