variable "vpc_id" { type = string }
variable "app_sg_id" { type = string }
variable "etl_sg_id" { type = string }

resource "aws_security_group" "mysql" {
  name        = "inventory-mysql"
  description = "inventory database"
  vpc_id      = var.vpc_id
}

# the flow logs of the last 30 days show only these two clients
resource "aws_security_group_rule" "mysql_clients" {
  for_each = {
    app = var.app_sg_id
    etl = var.etl_sg_id
  }

  type                     = "ingress"
  description              = "from ${each.key}"
  security_group_id        = aws_security_group.mysql.id
  from_port                = 3306
  to_port                  = 3306
  protocol                 = "tcp"
  source_security_group_id = each.value
}
