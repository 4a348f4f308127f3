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

  local function write(n)
    local file = assert(io.open(dir .. "/orders", "w"))
    for i = 1, n do
      file:write(('{"platformCode":"p","platformTradeCode":"t%d","shopName":"s","originalContent":"{}"}\n'):format(i))
    end
    file:close()
  end

  -- Returns what it printed, its exit status, and the lines of the file of failures.
  local function run()
    local id, secret = face.app(sb)
    local output, status = face.run(([[
      arg = { [0] = "nightly_sync", "%s/orders", "%s/failed" }
      dofile "examples/nightly_sync.lua"
    ]]):format(dir, dir), {
      ITRIGGER_APP_ID = id, ITRIGGER_APP_SECRET = secret, ITRIGGER_GATEWAY = sb.gateway,
      ITRIGGER_TOKEN_STORE = "memory:",
    })
    local failed = {}
    for line in io.lines(dir .. "/failed") do
      failed[#failed + 1] = line
    end
    return output, status, failed
  end

  it("sends every order once", function()
    write(200)
    local output, status, failed = run()
    assert.equal("200 orders, 0 failed, 0 of them unsure\n", output)
    assert.equal(0, status)
    assert.same({}, failed)
    assert.equal(200, sb:state().calls[trades])
    assert.equal(1, sb:state().fetches)
  end)

  it("keeps what was refused for another run, and names what it is not sure of", function()
    write(5)
    sb:fault { kind = "close_after", path = trades, times = 1 }
    sb:answer { path = trades, body = '{"code":61451,"message":"no"}', times = 2 }
    local output, status, failed = run()
    assert.truthy(output:find("5 orders, 2 failed, 1 of them unsure\n", 1, true), output)
    assert.truthy(output:find('may have been taken all the same: {"platformCode"', 1, true), output)
    assert.equal(1, status)
    assert.equal(1, #failed)
  end)
end)
