local face = require "spec.support.face"
local fixture = require "spec.support.fixture"

local trades = face.api .. "/order/platform/trades"

describe("examples/nightly_sync.lua", function()
  local sb = fixture.sandbox()
  local dir

  before_each(function()
    local pipe = io.popen("mktemp -d")
    dir = pipe:read("*l")
    pipe:close()
  end)

  after_each(function()
    os.execute("rm -rf '" .. dir .. "'")
  end)

  local ORDER = '{"platformCode":"p","platformTradeCode":"t%d","shopName":"s","originalContent":"{}"}'

  local function write(lines)
    local file = assert(io.open(dir .. "/orders", "w"))
    for _, line in ipairs(lines) do
      file:write(line, "\n")
    end
    file:close()
  end

  local function orders(n)
    local lines = {}
    for i = 1, n do
      lines[i] = ORDER:format(i)
    end
    return lines
  end

  -- Returns what it printed, its exit status, and the lines of the file of orders to be sent again.
  local function run(before)
    local id, secret = face.app(sb)
    local output, status = face.run(([[
      arg = { [0] = "nightly_sync", "%s/orders", "%s/again" }
      %s
      dofile "examples/nightly_sync.lua"
    ]]):format(dir, dir, before or ""), {
      ITRIGGER_APP_ID = id, ITRIGGER_APP_SECRET = secret, ITRIGGER_GATEWAY = sb.gateway,
      ITRIGGER_TOKEN_STORE = "memory:",
    })
    local again = {}
    for line in io.lines(dir .. "/again") do
      again[#again + 1] = line
    end
    return output, status, again
  end

  it("sends every order once", function()
    write(orders(200))
    local output, status, again = run()
    assert.equal("200 taken, 0 to be sent again, 0 refused, 0 unsure, 0 lines that are not orders\n", output)
    assert.equal(0, status)
    assert.same({}, again)
    assert.equal(200, sb:state().calls[trades])
    assert.equal(1, sb:state().fetches)
  end)

  it("changes no digit, and keeps null and empty lists", function()
    write { '{"id":226529926389059299,"none":null,"list":[]}' }
    sb:answer { path = trades, body = '{"code":200}', times = 1 }
    local _, status = run()
    assert.equal(0, status)
    local requests = sb:requests()
    local body = requests[#requests].body
    assert.truthy(body:find('"id":"226529926389059299"', 1, true), body)
    assert.truthy(body:find('"none":null', 1, true), body)
    assert.truthy(body:find('"list":[]', 1, true), body)
  end)

  it("notes lines that are not orders, and sends the rest", function()
    write { ORDER:format(1), "", "{broken", "5", ORDER:format(2) }
    local output, status, again = run()
    assert.truthy(output:find("line 3: not an order: itrigger: decode", 1, true), output)
    assert.truthy(output:find("line 4: not an order: 5", 1, true), output)
    assert.truthy(output:find("2 taken, 0 to be sent again, 0 refused, 0 unsure, 2 lines that are not orders\n", 1, true), output)
    assert.equal(1, status)
    assert.same({}, again)
    assert.equal(2, sb:state().calls[trades])
  end)

  it("keeps for another run only what was not executed, and names what was refused and what it is not sure of", function()
    write(orders(6))
    sb:fault { kind = "close_after", path = trades, times = 1 }
    sb:answer { path = trades, body = '{"code":61451,"message":"no"}', times = 2 }
    sb:fault { kind = "too_many", path = trades, retry_after = 0, skip = 3, times = 100 }
    local output, status, again = run()
    assert.equal(1, status)
    local taken, to_send, refused, unsure = output:match("(%d+) taken, (%d+) to be sent again, (%d+) refused, (%d+) unsure, 0 lines")
    assert.equal(6, taken + to_send + refused + unsure, output)
    assert.equal(tonumber(to_send), #again)
    assert.is_true(tonumber(to_send) > 0, output)
    for _, line in ipairs(again) do
      assert.truthy(line:find("^{\"platformCode"))
    end
    local _, named = output:gsub("line %d: refused:", "")
    assert.equal(tonumber(refused), named)
    _, named = output:gsub("line %d: may have been taken", "")
    assert.equal(tonumber(unsure), named)
  end)

  it("accounts for what is in flight when it is stopped", function()
    write(orders(40))
    sb:fault { kind = "hold", path = trades, times = 3 }
    local output, status = run [[
      local open = io.open
      io.open = function(name, mode)
        local file = open(name, mode)
        if mode ~= "w" then return file end
        return { write = function() return nil, "disk full" end, close = function() file:close() return true end }
      end
      local itrigger = require "itrigger"
      local get = itrigger.batch
      itrigger.batch = function(requests, opts)
        opts.retries, opts.timeout = nil, nil
        opts.on_progress = function(done) if done == 30 then error("no space left on device") end end
        return get(requests, opts)
      end
    ]]
    sb:release()
    assert.equal(2, status)
    assert.truthy(output:find("stopped: .*no space left on device"), output)
    local taken, unsure = output:match("(%d+) taken, 0 to be sent again, 0 refused, (%d+) unsure")
    assert.equal(29, tonumber(taken))
    assert.is_true(tonumber(unsure) >= 4, output) -- the one that on_progress was told of, and those held
  end)
end)
