resource "aws_security_group" "warehouse" {
  name        = "warehouse"
  description = "reporting warehouse"
  vpc_id      = var.vpc_id

  ingress {
    description = "analysts"
    from_port   = 5439
    to_port     = 5439
    protocol    = "tcp"
    cidr_blocks = ["10.40.0.0/16", "10.41.0.0/16"]
    ipv6_cidr_blocks = ["::/0"]
  }

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
    ipv6_cidr_blocks = ["::/0"]
  }

  tags = {
    Team = "reporting"
    Net  = "dual-stack"
  }
}

resource "aws_redshift_cluster" "warehouse" {
  cluster_identifier        = "warehouse"
  node_type                 = "ra3.xlplus"
  number_of_nodes           = 2
  database_name             = "dwh"
  master_username           = "dwhadmin"
  manage_master_password    = true
  publicly_accessible       = true
  vpc_security_group_ids    = [aws_security_group.warehouse.id]
  cluster_subnet_group_name = "dualstack-data"
}
