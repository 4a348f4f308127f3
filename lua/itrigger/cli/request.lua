-- What would be sent: --dry-run and --curl.

local exit = require "itrigger.cli.exit"
local json = require "itrigger.json"
local output = require "itrigger.cli.output"
local settings = require "itrigger.cli.settings"
local shell = require "itrigger.cli.shell"
local terminal = require "itrigger.cli.terminal"

local request = {}

local function url_encode(text)
  return (tostring(text):gsub("[^%w%-._~]", function(c)
    return ("%%%02X"):format(c:byte())
  end))
end

local function query_of(params)
  local names, parts = {}, {}
  for name in pairs(params) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local given = params[name]
    local values = type(given) == "table" and given or { given }
    local is_object = type(given) == "table" and given[1] == nil and next(given) ~= nil
    for _, value in ipairs(is_object and { given } or values) do
      if type(value) == "table" then
        exit.stop(2, "%s: a GET takes text, numbers, booleans, and arrays of them", name)
      elseif value ~= json.null then
        parts[#parts + 1] = url_encode(name) .. "=" .. url_encode(value)
      end
    end
  end
  return parts
end

-- Print a call (is_post, path, params), the token masked: as a request, or as a line for curl. Returns the exit status.
function request.show(args, call)
  if not call.path:find "^/[^%s%c?#]*$" then
    exit.stop(2, 'the path "%s" must begin with "/", without spaces, ? and #; parameters are words of their own', call.path)
  end
  local _, values = settings.describe(args)
  local gateway = values.gateway or "https://GATEWAY"
  local parts = { "accessToken=***" }
  if not call.is_post then
    for _, part in ipairs(query_of(call.params)) do
      parts[#parts + 1] = part
    end
  end
  local url = gateway .. call.path .. "?" .. table.concat(parts, "&")
  local body, wrong
  if call.is_post then
    body, wrong = json.encode(call.params)
    if body == nil then
      exit.stop_with(wrong)
    end
  end
  if args.curl then
    output.put("curl ", body and "-H 'Content-Type: application/json' --data-binary " .. shell.word(body) .. " " or "",
      shell.word(url), "\n")
  else
    local text = (call.is_post and "POST " or "GET ") .. url .. "\n" .. (body and body .. "\n" or "")
    output.put(terminal.is_tty(1) and terminal.safe(text) or text)
  end
  return 0
end

return request
