resource "aws_security_group" "balancer" {
  name        = "public-balancer"
  description = "Public balancer"
  vpc_id      = var.vpc_id

  ingress {
    description = "customers"
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }

  egress {
    description = "targets"
    from_port   = 8080
    to_port     = 8080
    protocol    = "tcp"
    cidr_blocks = ["10.20.0.0/16"]
  }

  tags = {
    owner   = "edge"
    service = "shop"
  }

  lifecycle {
    create_before_destroy = true
  }
}
