-- How a command ends: 0 ok, 1 the gateway said no, 2 usage or configuration, 3 network, timeout or no answer of the API, 4 token
-- or quota, 130 interrupted.

local errors = require "itrigger.errors"

local exit = {}

local STATUS = {
  usage = 2, config = 2, network = 3, timeout = 3, tls = 3, http = 3, decode = 3, api = 1, token = 4, quota = 4, store = 4,
}

-- End the command early with this status and message. Raises a table, which exit.reason reads.
function exit.stop(status, message, ...)
  error({ status = status, message = message and message:format(...) }, 0)
end

-- The same, for an error of the library.
function exit.stop_with(err)
  exit.stop(STATUS[err.kind] or 3, "%s", tostring(err))
end

-- Return the value; without one, end the command with what is wrong.
function exit.unless(value, err)
  if value == nil then
    exit.stop(2, "%s", err)
  end
  return value
end

-- Return { status =, message = } of whatever a command raised.
function exit.reason(err)
  if errors.is(err) then
    return { status = STATUS[err.kind] or 3, message = tostring(err) }
  elseif type(err) == "table" and err.status then
    return err
  elseif tostring(err):find "interrupted!" then
    return { status = 130, message = "interrupted" }
  end
  return { status = 2, message = tostring(err) }
end

return exit
