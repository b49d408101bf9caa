# The library target `imagent` and the program.
