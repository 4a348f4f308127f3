-- Promise 8: no secret in any log, error, event or output of ours that was not asked for it. A
-- process goes through every kind of failure with the trace on and prints all that the library
-- gives it; neither token nor secret may be in that, plain or percent-encoded.
local face = require "spec.support.face"
local fleet = require "spec.support.fleet"
local sandbox = require "spec.support.sandbox"

-- Both need escaping in a URL, and neither looks like anything else that is printed.
local secret = "s3cr3t+of/the=app&x y"
local tokens = { "t0ken+one/is=here&a b", "t0ken+two/is=here&a b" }

-- Prints every value inside a table, once each.
local dump = [[
  local function dump(value, seen)
    worker.say(tostring(value))
    if type(value) == "table" and not seen[value] then
      seen[value] = true
      for k, v in pairs(value) do
        dump(k, seen)
        dump(v, seen)
      end
    end
  end
  local function show(...)
    for i = 1, select("#", ...) do
      dump((select(i, ...)), {})
    end
  end
]]

-- One process that shows what becomes of calls, with one more gateway that does not answer.
local calls = dump
  .. [[
  local itrigger = require "itrigger"
  local client = assert(itrigger.new {})
  show(client, client:stats())
  for round = 1, %d do
    worker.gate("round " .. round)
    show(client:get(worker.path, { mobile = "1" }, { timeout = 2 }))
    show(client:post(worker.path, { mobile = "1" }, { timeout = 2 }))
    show(client, client:stats())
  end
  show(client:get("no slash"))
  show(client:get("/x", { accessToken = "given" }))
  for _, options in ipairs { { gateway = "http://127.0.0.1:1" }, { gateway = "ftp://x" }, { token_timeout = "x" } } do
    local other, err = itrigger.new(options)
    show(other, err)
    if other then
      show(other:get(worker.path))
      show(other:stats())
      other:close()
      show(other)
    end
  end
  client:close()
  show(client, pcall(client.get, client, "/x"))
]]

local function encoded(text)
  return (text:gsub("[^%w%-._~]", function(c)
    return ("%%%02X"):format(c:byte())
  end))
end

-- The same in JSON, as the gateway may echo it.
local function echoing(code, message)
  return ('{"code":%d,"message":"%s","data":{"url":"?accessToken=%s&appSecret=%s","t":"%s","s":"%s"}}'):format(
    code,
    message,
    encoded(tokens[1]),
    encoded(secret),
    tokens[1],
    secret
  )
end

describe("what processes print", function()
  local sb, place

  setup(function()
    sb = sandbox.shared()
  end)

  before_each(function()
    sb:reset()
    place = fleet.place(sb, { app_secret = secret, trace = 1, min_refresh_interval = 0 })
  end)

  after_each(function()
    sb:reset()
    place:remove()
  end)

  local function check_none(text)
    for _, needle in ipairs { secret, tokens[1], tokens[2] } do
      for _, form in ipairs { needle, encoded(needle), encoded(needle):lower(), (needle:gsub(" ", "+")) } do
        local at = text:find(form, 1, true)
        assert.is_nil(at, at and ("%s is in: %s"):format(form, text:sub(math.max(1, at - 200), at + 100)))
      end
    end
  end

  -- What happens to each call: both the GET and the POST of a round.
  local rounds = {
    function() end,
    function()
      sb:answer { path = face.echo_get, status = 200, body = echoing(500, "no: " .. tokens[1] .. " " .. secret) }
    end,
    function()
      sb:answer { path = face.echo_get, status = 502, body = "<p>" .. tokens[1] .. " " .. encoded(tokens[1]) .. "</p>" }
    end,
    function()
      sb:answer { path = face.echo_get, status = 200, body = '{"code":' .. tokens[1] }
    end,
    function()
      local location = "https://elsewhere.example/?accessToken=" .. encoded(tokens[1])
      sb:fault { kind = "redirect", path = "api", location = location, share = 1 }
    end,
    function()
      sb:fault { kind = "close", path = "api", share = 1 }
    end,
    function() -- refused, and the next token is refused too
      sb:token { revoke = true, next_tokens = { tokens[2] } }
      local body = echoing(401, "accessToken " .. tokens[1] .. " expired")
      sb:answer { path = face.echo_get, method = "GET", status = 401, body = body }
    end,
    function() -- refused, and the token endpoint echoes
      local message = "bad " .. secret .. " " .. encoded(secret)
      sb:token { revoke = true, next_answers = { echoing(500, message), echoing(40003, message) } }
    end,
  }

  it("holds no token and no secret, whatever goes wrong", function()
    for i = 1, #rounds do
      place:make("round " .. i)
    end
    sb:token { next_tokens = { tokens[1] } }
    local one = place:start(1, calls:format(#rounds))
    local lines = {}
    for i, prepare in ipairs(rounds) do
      repeat
        lines[#lines + 1] = assert(one:line(), table.concat(lines, "\n"))
      until lines[#lines] == "at round " .. i
      sb:clear()
      prepare()
      place:open("round " .. i)
    end
    for line in pairs(one:rest()) do
      lines[#lines + 1] = line
    end

    -- What is looked through is what it should be: tokens by their digest, a trace, all kinds of errors.
    local text = table.concat(lines, "\n")
    assert.truthy(text:find("sha256:%x%x%x%x%x%x%x%x"), text)
    assert.truthy(text:find("itrigger: GET", 1, true) or text:find("GET http", 1, true), text)
    for _, kind in ipairs { "api", "http", "decode", "network", "token", "usage", "config" } do
      assert.truthy(("\n" .. text .. "\n"):find("\n" .. kind .. "\n", 1, true), kind .. " is not in:\n" .. text)
    end
    check_none(text)
  end)
end)
