# The members of all groups: REGION-GROUP-ORDINAL.REGION-GROUP, as eu-orders-0.eu-orders.
# The places in these two lists make the numbers of the servers (region 1000, group 10, ordinal 1): add at the end, never reorder.
regions=(eu us)
groups=(orders users split0 split1)
# How many members a group may have in one region: 10 at most.
ordinals=3
# Seconds from one look at the members to the next.
look_every=2
# Whether commits go on while no replica is connected. `no` where a group has two replicas near: what was acknowledged then survives
# the loss of any one server, and writes wait while none of its replicas is there.
commits_alone=yes
