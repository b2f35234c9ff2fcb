resource "aws_s3_bucket_lifecycle_configuration" "audit" {
  bucket = aws_s3_bucket.audit.id
  rule {
    id     = "keep"
    status = "Enabled"
    expiration {
      days = 1
    }
  }
}
