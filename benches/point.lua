-- sysbench: point selects as text, one an event, at ids over the whole of sbtest1.
function thread_init()
  connection = sysbench.sql.driver():connect()
end

function event()
  connection:query("SELECT c FROM sbtest1 WHERE id=" .. sysbench.rand.uniform(1, 10000))
end
