variable "vpc_id" { type = string }

resource "aws_security_group" "public_lb" {
  name        = "www-lb"
  description = "public website load balancer"
  vpc_id      = var.vpc_id

  ingress {
    description      = "https"
    from_port        = 443
    to_port          = 443
    protocol         = "tcp"
    cidr_blocks      = ["0.0.0.0/0"]
    ipv6_cidr_blocks = ["::/0"]
  }

  ingress {
    description      = "http, answered with a redirect to https"
    from_port        = 80
    to_port          = 80
    protocol         = "tcp"
    cidr_blocks      = ["0.0.0.0/0"]
    ipv6_cidr_blocks = ["::/0"]
  }

  egress {
    description = "web tasks in the private subnets"
    from_port   = 8080
    to_port     = 8080
    protocol    = "tcp"
    cidr_blocks = ["10.30.0.0/16"]
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
  ip_address_type            = "dualstack"
  drop_invalid_header_fields = true
}

resource "aws_lb_listener" "redirect" {
  load_balancer_arn = aws_lb.www.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "redirect"
    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }
}
