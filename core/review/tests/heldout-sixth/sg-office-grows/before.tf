resource "aws_security_group" "batch" {
  name        = "batch"
  description = "Batch workers"
  vpc_id      = module.network.vpc_id

  ingress {
    description = "job console from the office"
    protocol    = "tcp"
    from_port   = 8443
    to_port     = 8443
    cidr_blocks = ["198.51.100.16/28"]
  }

  egress {
    description     = "database"
    protocol        = "tcp"
    from_port       = 5432
    to_port         = 5432
    security_groups = [aws_security_group.db.id]
  }
}
