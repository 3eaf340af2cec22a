"""Programs of other people, driven against this product: the published SDK, the published widget, the samples."""
