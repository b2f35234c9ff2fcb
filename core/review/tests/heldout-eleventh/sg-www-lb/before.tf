variable "vpc_id" { type = string }

resource "aws_security_group" "public_lb" {
  name        = "www-lb"
  description = "public website load balancer"
  vpc_id      = var.vpc_id

  ingress {
    description = "https"
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }

  egress {
    description = "anything"
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_security_group" "web" {
  name        = "www-web"
  description = "web tasks"
  vpc_id      = var.vpc_id

  ingress {
    from_port       = 8080
    to_port         = 8080
    protocol        = "tcp"
    security_groups = [aws_security_group.public_lb.id]
  }
}

resource "aws_lb" "www" {
  name                       = "www"
  internal                   = false
  load_balancer_type         = "application"
  security_groups            = [aws_security_group.public_lb.id]
  subnets                    = ["subnet-0aa1", "subnet-0aa2"]
  drop_invalid_header_fields = true
}
