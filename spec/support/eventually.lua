-- Asks again until the answer is the one that a spec waits for, where nothing tells that it has come:
--
--   eventually("the first token", function()
--     local answer = ask()
--     return answer.status == 200, answer.body
--   end, function() return log end)
--
-- `ask` returns whether that is it, and what came; eventually returns both. It gives up after a minute, which is far
-- longer than anything here takes, with an error that shows the last answer and what `explain` (optional) returns.
-- Where a line of a log or the end of a process tells, wait for that instead.
local WITHIN_S = 60

return function(what, ask, explain)
  local ends = os.time() + WITHIN_S
  while true do
    local good, last = ask()
    if good then
      return good, last
    end
    if os.time() > ends then
      error(("%s: not within %d s; the last answer: %s\n%s"):format(what, WITHIN_S, tostring(last), explain and explain() or ""), 2)
    end
  end
end
