"""Live feeds, off until configured: the weather to come, and the bikes at the stations.

`fetching` gets a document, `open_meteo` and `gbfs` read it, `feed` decides when to ask and keeps
what was last good, `watching` makes predictions and observations of it, in the process that
schedules. No request waits for any of them.
"""
