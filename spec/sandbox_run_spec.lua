-- sandbox/run: starting and stopping.
local sandbox = require "spec.support.sandbox"

local curl = sandbox.request

describe("sandbox/run", function()
  it("stops with its guard's pipe, and leaves nothing behind", function()
    local one = sandbox.start()
    local other = sandbox.attach(one.dir)
    assert.equal(0, other:state().requests)
    one:stop()
    assert.equal(7, curl(other.gateway).exit)
    assert.is_nil(io.open(other.dir .. "/env"))
  end)

  it("takes a port, and says so when it is taken", function()
    local one = sandbox.start()
    local port = one.gateway:match("%d+$")
    one:stop()
    local other = sandbox.start("--port " .. port)
    assert.equal("http://127.0.0.1:" .. port, other.gateway)
    assert.has_error(function() sandbox.start("--port " .. port .. " 2>/dev/null") end)
    other:stop()
  end)

  it("says what is wrong with its words", function()
    for words, wanted in pairs {
      ["--prot 1"] = "unknown option --prot; see --help\n2",
      ["--port"] = "--port needs a value; see --help\n2",
      ["--stop"] = "--stop needs a value; see --help\n2",
      ["--port x"] = "--port x: not a port; see --help\n2",
      ["--stop /nowhere"] = "there is no sandbox in /nowhere\n1",
    } do
      local pipe = io.popen("sandbox/run " .. words .. " 2>&1; echo $?")
      assert.equal("sandbox/run: " .. wanted .. "\n", pipe:read "*a")
      pipe:close()
    end
  end)

  it("keeps its files in the given directory, and can start there again", function()
    local dir = os.tmpname()
    os.remove(dir)
    dir = dir .. " it's"
    local quoted = "'" .. dir:gsub("'", "'\\''") .. "'"
    for _ = 1, 2 do
      local one = sandbox.start("--dir " .. quoted)
      assert.equal(dir, one.dir)
      assert.equal(200, curl(one.https .. "/_sandbox/state", { "--cacert", one.ca_file }).status)
      one:stop()
    end
    os.execute("rm -r " .. quoted)
  end)

  it("lets any user read the CA that it names", function()
    local one = sandbox.start()
    local pipe = io.popen(("stat -c %%A '%s' '%s/certs' '%s'"):format(one.dir, one.dir, one.ca_file))
    local modes = pipe:read("*a")
    pipe:close()
    one:stop()
    assert.truthy(modes:find("^d........x\nd........x\n%-......r..\n"), modes)
  end)
end)
