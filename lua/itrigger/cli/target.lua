-- What `pages` and `batch` call: a documented endpoint, or a method and a path.

local exit = require "itrigger.cli.exit"
local later = require "itrigger.later"

local target = {}

-- Return the documented endpoint of this name, or end the command with the nearest.
function target.endpoint(name)
  local e, near = later.endpoint.find(name)
  if e == nil then
    exit.stop(2, 'unknown endpoint "%s"%s; see: itrigger endpoints', name, near and (', did you mean "%s"?'):format(near) or "")
  end
  return e
end

-- Read "order.trades", "POST /path" or "/path" (GET). Returns is_post, path, endpoint or nil.
function target.read(text)
  local method, path = text:match "^(%a+) +(.*)$"
  if method then
    method = method:upper()
    if method ~= "GET" and method ~= "POST" then
      exit.stop(2, '"%s": the method must be GET or POST', text)
    elseif path:sub(1, 1) ~= "/" then
      exit.stop(2, '"%s": the path must begin with "/"', text)
    end
    return method == "POST", path
  elseif text:sub(1, 1) == "/" then
    return false, text
  end
  local e = target.endpoint(text)
  return e.is_post, e.path, e
end

-- Return the documented parameters of an endpoint by name; nil for none.
function target.params(e)
  local params = {}
  for _, param in ipairs(e and e.entry.params or {}) do
    params[param[1]] = param
  end
  return e and params
end

return target
