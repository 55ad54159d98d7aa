//! FITS images: cards, headers, and star fields rendered from a seed.
