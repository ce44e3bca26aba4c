resource "aws_cloudfront_response_headers_policy" "status" {
  count = 0
}

resource "aws_cloudfront_distribution" "application" {
  lifecycle {
    ignore_changes = [default_cache_behavior, ordered_cache_behavior, viewer_certificate]
  }
}

resource "aws_cloudfront_distribution" "status" {
  default_cache_behavior {
    target_origin_id       = "files"
    viewer_protocol_policy = "redirect-to-https"
    allowed_methods        = ["GET", "HEAD"]
    cached_methods         = ["GET", "HEAD"]
    compress               = true
    cache_policy_id        = local.caching_optimized
  }

  lifecycle {
    ignore_changes = [default_cache_behavior, origin, viewer_certificate]
  }
}
