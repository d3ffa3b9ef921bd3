"""Takes in what operators and open-data portals publish: a file goes in, a history comes out.

`reading` opens the file, `proposing` says what its columns mean and why, `converting` makes the
hours of it, `report` shows them; `mapping` is what the operator may say, and keep in a file.
"""
