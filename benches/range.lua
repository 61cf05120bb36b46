-- sysbench: 1000 rows of sbtest2 as text, one range an event.
function thread_init()
  connection = sysbench.sql.driver():connect()
end

function event()
  local from = sysbench.rand.uniform(1, 9000)
  connection:query("SELECT c FROM sbtest2 WHERE id BETWEEN " .. from .. " AND " .. from + 999)
end
