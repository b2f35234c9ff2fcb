resource "aws_security_group" "orders_db" {
  name        = "orders-db"
  description = "PostgreSQL of the orders service"
  vpc_id      = module.network.vpc_id
}

resource "aws_security_group_rule" "orders_db_in" {
  type                     = "ingress"
  security_group_id        = aws_security_group.orders_db.id
  protocol                 = "tcp"
  from_port                = 5432
  to_port                  = 5432
  cidr_blocks              = ["10.0.0.0/8"]
  description              = "orders app"
}
