local errors = require "itrigger.errors"
local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local itrigger = require "itrigger"

local query = face.api .. "/member/query"

describe("itrigger", function()
  local sb = fixture.sandbox()

  local function environment()
    local id, secret = face.app(sb)
    return { ITRIGGER_APP_ID = id, ITRIGGER_APP_SECRET = secret, ITRIGGER_GATEWAY = sb.gateway }
  end

  it("gets and posts with what the environment says, without a client in sight", function()
    local output = face.run([[
      local itrigger = require "itrigger"
      local member = { mobile = "18899888899", storeNo = "1159374785466208256" }
      local res = assert(itrigger.get("/itrigger-bff/v2/open/api/member/query", member))
      print(res.code, res.data.realName)
      member.city = "北京"
      print(assert(itrigger.post("/itrigger-bff/v2/open/api/member/modify", member)).data)
    ]], environment())
    assert.truthy(output:find("^200\t%S+\ntrue\n$"), output)
    assert.equal(1, sb:state().fetches)
  end)

  it("is not loaded with a C module of another version", function()
    local output = face.run([[
      require("itrigger.core").version = "9.8.7"
      print(pcall(require, "itrigger"))
    ]], environment())
    assert.truthy(output:find("^false\titrigger: the Lua files are of version " .. itrigger.version:gsub("%p", "%%%0")
      .. " %(.*lua/itrigger/init%.lua%), but itrigger%.core is of 9%.8%.7: install both from one version\n$"), output)
  end)

  it("raises for a channel that there is none of", function()
    local ok, message = pcall(function()
      return itrigger.channel.wehcat
    end)
    assert.is_false(ok)
    assert.truthy(message:find('init_spec.lua:%d+: unknown channel "wehcat": did you mean "wechat"%?$'), message)
    ok, message = pcall(function() return itrigger.channel[("a\n"):rep(1000)] end)
    assert.is_false(ok)
    assert.truthy(#message < 400 and not message:find "\n", message)
    assert.equal(2, itrigger.channel.wechat)
  end)

  it("returns what is missing, and works once it is given", function()
    local res, err = itrigger.get(query, face.member)
    assert.is_nil(res)
    assert.equal("config", err.kind)
    res, err = itrigger.post(query)
    assert.is_nil(res)
    assert.equal("config", err.kind)
    assert.is_true(itrigger.configure(face.options(sb)))
    assert(itrigger.get(query, face.member))
  end)

  it("keeps the earlier options when configure is given bad ones", function()
    assert(itrigger.configure(face.options(sb)))
    local ok, err = itrigger.configure { gateway = "nonsense" }
    assert.is_nil(ok)
    assert.equal("config", err.kind)
    assert(itrigger.get(query, face.member))
  end)

  it("takes the new options once configure is given good ones", function()
    assert(itrigger.configure(face.options(sb)))
    local options = face.options(sb)
    sb:app { id = options.app_id, denied = { query } }
    assert(itrigger.configure(options))
    local _, err = itrigger.get(query, face.member)
    assert.equal("no_permission", err.name)
  end)

  it("posts as get does", function()
    assert(itrigger.configure(face.options(sb)))
    assert.is_true(assert(itrigger.post(face.api .. "/member/modify", {
      mobile = face.member.mobile, storeNo = face.member.storeNo, city = "上海",
    })).data)
    local _, err = itrigger.post(face.api .. "/member/modify", { city = "上海" })
    assert.equal("missing_parameter", err.name)
    assert.equal("POST", err.method)
  end)

  it("raises at the caller's level when an argument is of the wrong type", function()
    local function raises(text, f)
      local ok, err = pcall(f)
      assert.is_false(ok)
      assert.truthy(err:find("spec/init_spec.lua:%d+: ") and err:find(text, 1, true), err)
    end
    raises("'path' to 'get' (string expected, got nil)", function() itrigger.get() end)
    raises("'params' to 'get'", function() itrigger.get("/x", 5) end)
    raises("'opts' to 'get'", function() itrigger.get("/x", nil, 5) end)
    raises("'path' to 'post'", function() itrigger.post(5) end)
    raises("'body' to 'post'", function() itrigger.post("/x", "{}") end)
    raises("'options' to 'new'", function() itrigger.new("x") end)
    raises("'options' to 'configure'", function() itrigger.configure(1) end)
  end)

  it("gives the default client's token and stats, and closes it", function()
    assert(itrigger.configure(face.options(sb, { token_store = "memory:" })))
    local token = assert(itrigger.token())
    assert.equal(token, (itrigger.token { min_valid = 1 }))
    assert.is_string(assert(itrigger.refresh()))
    assert.equal("memory", assert(itrigger.stats()).store)
    assert.is_true(itrigger.close())
    assert.is_true(itrigger.close())
    local _, err = itrigger.stats() -- the environment of the specs has no app
    assert.equal("config", err.kind)
  end)

  it("makes clients that do not share the default one's options", function()
    local client = assert(itrigger.new(face.options(sb)))
    assert(client:get(query, face.member))
    client:close()
  end)

  it("has array, null and a version", function()
    assert.equal(require("cjson").null, itrigger.null)
    assert.same({}, itrigger.array())
    assert.truthy(itrigger.version:find("^%d+%.%d+%.%d+$"))
  end)

  it("has nothing else, and sets no globals", function()
    local names = {}
    for name in pairs(itrigger) do
      names[#names + 1] = name
    end
    table.sort(names)
    assert.same({ "all", "array", "batch", "channel", "close", "configure", "decode", "define", "encode", "get", "metrics", "new", "null",
      "pages", "post", "refresh", "stats", "token", "version" }, names)
    local output = face.run([[
      local before = {}
      for name in pairs(_G) do before[name] = true end
      require "itrigger"
      for name in pairs(_G) do
        if not before[name] then print("new global", name) end
      end
    ]])
    assert.equal("", output)
  end)

  -- The interpreter unloads its modules at the end, and the fetch goes on in a thread.
  it("may be unloaded while a fetch is in flight", function()
    sb:fault { kind = "hold", path = "token" }
    local options = face.options(sb)
    local output, status = face.run([[
      local _, err = require("itrigger").get("/x", nil, { timeout = 0.05 })
      print(err.kind)
    ]], {
      ITRIGGER_GATEWAY = options.gateway,
      ITRIGGER_APP_ID = options.app_id,
      ITRIGGER_APP_SECRET = options.app_secret,
      ITRIGGER_TOKEN_STORE = "memory:",
    })
    sb:release()
    assert.equal("timeout\n", output)
    assert.equal(0, status)
  end)

  it("gives errors that can be distinguished from other tables", function()
    local _, err = itrigger.new({ gateway = "x" })
    assert.is_true(errors.is(err))
  end)
end)
