"""Flows: series of e-mails that never end, such as welcome 1, 2 and 3. Each e-mail is a campaign.

So every report of a campaign is a report of a part, and the report of a flow is the sum of its parts.
"""
