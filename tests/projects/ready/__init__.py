"""A project that writes to its database on every start, as some do: settings made, jobs registered, a counter."""
