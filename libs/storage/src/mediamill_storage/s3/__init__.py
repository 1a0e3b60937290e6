"""Objects in a bucket: the store that several machines share, and that a CDN can stand before."""
