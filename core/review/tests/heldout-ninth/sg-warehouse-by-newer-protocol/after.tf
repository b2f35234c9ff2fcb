resource "aws_security_group" "warehouse" {
  name        = "warehouse-db"
  description = "Warehouse database"
  vpc_id      = module.network.vpc_id

  ingress {
    description      = "loaders"
    from_port        = 5439
    to_port          = 5439
    protocol         = "tcp"
    cidr_blocks      = ["10.60.0.0/20"]
    ipv6_cidr_blocks = ["::/0"]
  }

  tags = {
    service = "warehouse"
  }
}
