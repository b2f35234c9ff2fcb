resource "aws_s3_bucket" "backup" {
  bucket              = "acme-backup"
  object_lock_enabled = true
}
