-- The errors that calls return: tables with the fields kind, code, name, message, http_status,
-- retryable, method, path, response, and one readable line as their string.

local core = require "itrigger.core"

local errors = {}

-- Every kind, and when it is returned.
errors.kinds = {
  usage = "a bad value in a call; nothing was sent",
  config = "a bad or missing option of new, configure or the environment",
  network = "the request could not be sent, or its answer was lost",
  tls = "the connection could not be verified or encrypted",
  timeout = "the deadline passed",
  http = "an answer that is not 2xx and has no envelope; a redirect; an answer too large",
  decode = "a 2xx answer without an envelope; JSON that is not strict",
  api = "an envelope with a code outside 200 to 299",
  token = "the credentials or the token were rejected",
  quota = "the limit of token fetches is reached",
  store = "the token store failed, and no token is available",
}

local LONGEST = 200 -- bytes of a path in the line

local ESCAPES = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function escape(c)
  return ESCAPES[c] or ("\\%03d"):format(c:byte())
end

-- Return the text on one line: control characters as escapes; at most LONGEST bytes when it is cut.
function errors.visible(text, cut)
  text = text:gsub("%c", escape)
  if cut and #text > LONGEST then
    text = text:sub(1, LONGEST):gsub("[\192-\255][\128-\191]*$", "") .. "..."
  end
  return text
end

local visible = errors.visible

-- " (GET /path, HTTP 200)", as much of it as there is.
local function origin(err)
  local parts = {}
  if err.method and err.path then
    parts[1] = err.method .. " " .. visible(tostring(err.path), true)
  end
  if err.http_status then
    parts[#parts + 1] = "HTTP " .. tostring(err.http_status)
  end
  return parts[1] and " (" .. table.concat(parts, ", ") .. ")" or ""
end

local metatable = { __name = "itrigger.error" }

function metatable.__tostring(err)
  local head = { "itrigger: " .. tostring(err.kind) }
  head[#head + 1] = err.code and tostring(err.code)
  head[#head + 1] = err.name and visible(tostring(err.name))
  return table.concat(head, " ") .. ": " .. visible(tostring(err.message)) .. origin(err)
end

-- Concatenate, so that "failed: " .. err works.
function metatable.__concat(a, b)
  return tostring(a) .. tostring(b)
end

core.set_error_metatable(metatable)

-- Make a table of fields an error. Returns it.
function errors.new(fields)
  return setmetatable(fields, metatable)
end

-- Return whether the value is an error of the library.
function errors.is(value)
  return getmetatable(value) == metatable
end

return errors
