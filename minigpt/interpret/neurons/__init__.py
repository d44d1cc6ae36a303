"""The neurons of the MLPs: what makes one fire, and what it then says."""
