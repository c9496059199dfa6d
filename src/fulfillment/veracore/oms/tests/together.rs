//! How packages are put together from the two lists.
