"""Whether an installation and its accounts work: one function for each check, values in, a result out."""
