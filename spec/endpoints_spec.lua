-- Endpoints as functions: what they check, what they send, and that nothing is sent when a check fails.
local endpoint = require "itrigger.endpoint"
local errors = require "itrigger.errors"
local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local itrigger = require "itrigger"
local known = require "itrigger.endpoints"

-- Parameters of an endpoint from its own examples; of alternatives the first group.
local function examples(entry)
  local params, skipped = {}, {}
  for i, group in ipairs(entry.either or {}) do
    for _, name in ipairs(group) do
      skipped[name] = i > 1
    end
  end
  for _, param in ipairs(entry.params) do
    if param.example ~= nil and not skipped[param[1]] then
      params[param[1]] = param.example
    end
  end
  return params
end

describe("endpoints", function()
  local client
  local sb = fixture.client(function(c)
    client = c
  end)

  -- A call that fails with all these texts before anything is sent.
  local function unsent(texts, result, err)
    assert.is_nil(result)
    assert.is_true(errors.is(err))
    assert.equal("usage", err.kind)
    for _, text in ipairs(texts) do
      assert.truthy(err.message:find(text, 1, true), ("%q is not in %q"):format(text, err.message))
    end
    assert.equal(0, sb:state().requests)
  end

  local function raises(text, f, ...)
    local ok, err = pcall(f, ...)
    assert.is_false(ok)
    assert.truthy(tostring(err):find(text, 1, true), ("%q is not in %q"):format(text, tostring(err)))
    assert.truthy(tostring(err):find("spec/endpoints_spec.lua:%d+: "), tostring(err))
  end

  it("are functions of a client, with the result of get and post", function()
    local res = assert(client.member.query(face.member))
    local same = assert(client:get(face.api .. "/member/query", face.member))
    same.elapsed = res.elapsed
    assert.same(same, res)
    local none, err = client.member.query { mobile = "10000000000", storeNo = "1" }
    assert.is_nil(none)
    assert.equal("member_not_found", err.name)
    assert.equal(face.api .. "/member/query", err.path)
  end)

  it("take what the documentation shows: every example passes the check and the sandbox's", function()
    for _, entry in ipairs(known.list) do
      local e = endpoint.documented[entry.name]
      local params = examples(entry)
      assert.is_nil(endpoint.check(e, params), entry.name)
      local res, err = client[e.group][e.short](params)
      local name = not res and err.name
      assert.truthy(res or name == "member_exists" or name == "member_not_found" or name == "user_not_found"
        or err.message:find("不存在", 1, true), entry.name .. ": " .. tostring(err))
    end
  end)

  it("require what the gateway requires", function()
    for _, entry in ipairs(known.list) do
      local e = endpoint.documented[entry.name]
      for _, name in ipairs(e.required) do
        local params = examples(entry)
        params[name] = nil
        local _, err = client[e.group][e.short](params, { check = false })
        assert.equal("63001 部分参数为空: " .. name, err.code .. " " .. err.message, entry.name)
      end
      for _, param in ipairs(entry.params) do
        local params = examples(entry)
        if not param.required and not entry.either and params[param[1]] ~= nil then
          params[param[1]] = nil
          local _, err = client[e.group][e.short](params, { check = false })
          assert.not_equal(63001, err and err.code, entry.name .. "." .. param[1])
        end
      end
    end
  end)

  it("are documented, in both languages and for editors, by the table alone", function()
    local dir = os.tmpname()
    os.remove(dir)
    os.execute("mkdir -p " .. dir .. "/docs/zh-CN " .. dir .. "/types && " .. face.interpreter() .. " tools/endpoints " .. dir)
    for _, path in ipairs { "docs/endpoints.md", "docs/zh-CN/endpoints.md", "types/endpoints.lua" } do
      local made, written = assert(io.open(dir .. "/" .. path)), assert(io.open(path))
      assert.equal(made:read("*a"), written:read("*a"), path .. ": run tools/endpoints")
      made:close()
      written:close()
    end
    os.execute("rm -rf " .. dir)
    local page = assert(io.open("docs/endpoints.md"))
    local text = page:read("*a")
    page:close()
    for name in endpoint.type_names():gmatch("%a+") do
      assert.truthy(text:find("\n| " .. name .. " | ", 1, true), name)
    end
  end)

  it("name every fault of a call in one error, and send nothing", function()
    unsent({ "member.modify: ", 'unknown parameter "birthday": did you mean "birthDay"?',
      "mobile must be a mobile number of 11 digits, not 1.5", "missing: storeNo" },
      client.member.modify { birthday = "1990-01-31", mobile = 1.5 })
    unsent({ "missing: mobile, storeNo, channel" }, client.member.register())
  end)

  it("know the vendor's spelling of channelRecoginizeId", function()
    unsent({ 'unknown parameter "channelRecognizeId": the vendor spells it "channelRecoginizeId"' },
      client.coupons.divide { couponId = "1001", channelRecognizeId = "o1", channelType = "2" })
  end)

  it("require one complete group of alternatives", function()
    unsent({ "missing: phones, or channelRecoginizeId and channelType" },
      client.coupons.divide { couponId = "1001", channelRecoginizeId = "o1" })
    local e = endpoint.documented["coupons.divide"]
    assert.is_nil(endpoint.check(e, { couponId = "1001", channelRecoginizeId = "o1", channelType = "2" }))
    assert.is_nil(endpoint.check(e, { couponId = "1001", phones = "18899888899,18899888898" }))
  end)

  it("check enumerations, dates, ids and numbers", function()
    local modify = endpoint.documented["member.point_modify"]
    local register = endpoint.documented["member.register"]
    local function fault(e, more)
      local params = examples(e.entry)
      for name, value in pairs(more) do
        params[name] = value
      end
      local err = endpoint.check(e, params)
      return err and err.message
    end
    assert.equal('member.point_modify: operation must be one of "add", "sub", not "plus"', fault(modify, { operation = "plus" }))
    assert.truthy(fault(register, { channel = "wechat" }):find("channel must be one of 2 (wechat), 3 (tmall_brand), 4 (pos)", 1, true))
    assert.is_nil(fault(register, { channel = itrigger.channel.wechat }))
    assert.is_nil(fault(register, { channel = "16" }))
    assert.truthy(fault(register, { birthDay = "31.1.1990" }):find("birthDay must be a date", 1, true))
    assert.truthy(fault(register, { birthDay = "1990-13-01" }):find("birthDay must be a date", 1, true))
    for _, date in ipairs { "1990-00-01", "1990-01-00", "1990-01-32", "1990-01-01 25:00:00", "1990-01-01 10:60" } do
      assert.truthy(fault(register, { birthDay = date }), date)
    end
    for _, date in ipairs { "1990-12-31", "1990-01-01 23:59:59", "1990-01-01 10:00" } do
      assert.is_nil(fault(register, { birthDay = date }))
    end
    assert.is_nil(fault(register, { birthDay = 1556647800000 }))
    assert.truthy(fault(register, { brandId = 1.5 }):find("a float cannot hold a 64-bit id", 1, true))
    assert.is_nil(fault(modify, { changePoint = "12.88" }))
    assert.truthy(fault(modify, { changePoint = "1e999" }):find("changePoint must be a number", 1, true))
    assert.truthy(fault(modify, { changePoint = 0 / 0 }):find("changePoint must be a number", 1, true))
    assert.is_nil(fault(register, { address = itrigger.null }))
    assert.truthy(fault(register, { mobile = "" }):find("missing: mobile", 1, true))
    local inherited = setmetatable({}, { __index = examples(register.entry) }) -- which is not sent
    assert.truthy(endpoint.check(register, inherited).message:find("missing: mobile", 1, true))
  end)

  it("let everything through with check = false, and with check = true still check", function()
    local res = assert(client.member.query({ mobile = face.member.mobile, storeNo = face.member.storeNo, new = "1" },
      { check = false }))
    assert.equal(200, res.code)
    local err = select(2, client.member.query({ mobile = "18899888899", storeNo = "1", new = "1" }, { check = true }))
    assert.equal('member.query: unknown parameter "new"', err.message)
  end)

  it("never repeat a coupon's consumption, and mark what only reads as idempotent", function()
    unsent({ "must not be retried" },
      client.coupons.consume({ userCardCode = "1", userId = "100001" }, { idempotent = true }))
    unsent({ "must not be retried" }, client.coupons.consume({}, { idempotent = true, check = false }))
    local results = client:all({ { client.coupons.consume, {}, check = false } }, { idempotent = true })
    unsent({ "must not be retried" }, results[1].response, results[1].error)
    local query, register = endpoint.documented["member.query"], endpoint.documented["member.register"]
    assert.same({ idempotent = true }, endpoint.opts(query, nil))
    assert.same({ timeout = 1, idempotent = true }, endpoint.opts(query, { timeout = 1 }))
    assert.same({ idempotent = false }, endpoint.opts(query, { idempotent = false }))
    assert.is_nil(endpoint.opts(register, nil))
    assert.same({ timeout = 1 }, endpoint.opts(register, { timeout = 1, check = false }))
  end)

  it("repeat a page that only reads, too", function()
    local e = endpoint.documented["member.point_list"]
    assert(client:token())
    sb:fault { kind = "reset", path = e.path, times = 1 }
    assert.truthy(client.member.point_list:pages(face.member)())
  end)

  it("raise for an unknown endpoint, naming the nearest, and for arguments of the wrong type", function()
    raises('unknown endpoint "member.qery": did you mean "query"?', function()
      return client.member.qery {}
    end)
    raises("bad argument 'params' to 'member.query' (table or nil expected, got string)", function()
      client.member.query("18899888899")
    end)
    raises("bad argument 'body' to 'member.register' (table or nil expected, got number)", function()
      client.member.register(1)
    end)
    raises("bad argument 'opts' to 'member.query' (table or nil expected, got number)", function()
      client.member.query({}, 5)
    end)
    raises("member.query was called with a colon; write a dot: client.member.query { … }", function()
      client.member:query {}
    end)
    raises("cannot be assigned to", function()
      client.member.query = print
    end)
    assert.is_nil(client.membr)
  end)

  it("give the rows of a paged list, and only of one", function()
    local e = endpoint.documented["member.point_list"]
    local rows = 0
    for row, page in client.member.point_list:pages { mobile = face.member.mobile, storeNo = face.member.storeNo, pageSize = 2 } do
      assert.truthy(row.id and page.code)
      rows = rows + 1
    end
    local all = assert(client:get(e.path, { mobile = face.member.mobile, storeNo = face.member.storeNo, pageNum = 1, pageSize = 100 }))
    assert.equal(#all.data, rows)
    raises("member.query is not a paged list", function()
      client.member.query:pages(face.member)
    end)
    local ok, err = pcall(function()
      client.member.point_list:pages { mobile = "1" }
    end)
    assert.is_false(ok)
    assert.truthy(tostring(err):find("missing: storeNo", 1, true), tostring(err))
  end)

  it("stand in a batch in place of method and path", function()
    local orders = {}
    for i = 1, 3 do
      orders[i] = { client.order.trades, {
        platformCode = "TB", platformTradeCode = "T" .. i, shopName = "shop", originalContent = "{}",
      }, tag = i }
    end
    orders[4] = { client.order.trades, { platformCode = "TB" }, tag = 4 }
    orders[5] = { client.order.trades, "text", tag = 5 }
    local results = client:all(orders, { concurrency = 2 })
    for i = 1, 3 do
      assert.equal(i, results[i].tag)
      assert.equal(200, assert(results[i].response, results[i].error).code)
    end
    assert.truthy(results[4].error.message:find("missing: platformTradeCode, shopName, originalContent", 1, true))
    assert.equal("usage", results[5].error.kind)
    assert.same({ 4, 5 }, { results[4].tag, results[5].tag })
  end)

  it("can be added by a program, in the same format", function()
    client:define {
      name = "shop.echo", method = "GET", path = face.echo_get,
      params = { { "shopId", type = "id", required = true }, { "kind", type = "enum", values = { open = "o", closed = "c" } } },
    }
    assert.equal("ok", assert(client.shop.echo { shopId = "7", kind = "o" }).data)
    local none, err = client.shop.echo { kind = "x" }
    assert.is_nil(none)
    assert.truthy(err.message:find('kind must be one of c (closed), o (open), not "x"; missing: shopId', 1, true), err.message)
    local list = { name = "shop.list", method = "GET", path = face.echo_get, params = { { "p" } }, either = { { "p" } } }
    client:define(list)
    list.path, list.params[1][1], list.either[1][1] = "/other", "q", "q"
    assert.equal("ok", assert(client.shop.list { p = "1" }).data)
    client:define { name = "member.levels", method = "GET", path = face.echo_get }
    assert.equal("ok", assert(client.member.levels()).data)
    assert.truthy(client.member.query)
    local function refused(text, entry)
      raises("define: " .. text, function()
        client:define(entry)
      end)
    end
    refused("member.query is a documented endpoint", { name = "member.query", method = "GET", path = "/x" })
    refused('the group "get" is the name of a method', { name = "get.x", method = "GET", path = "/x" })
    for text, entry in pairs {
      ['name must be "group.function"'] = { name = "x", method = "GET", path = "/x" },
      ['method must be "GET" or "POST"'] = { name = "a.x", method = "PUT", path = "/x" },
      ['path must begin with "/"'] = { name = "a.x", method = "GET", path = "x" },
      ["unknown field parms"] = { name = "a.x", method = "GET", path = "/x", parms = {} },
      ["the type of p must be one of: any, content"] = { name = "a.x", method = "GET", path = "/x", params = { { "p", type = "uuid" } } },
      ["the enum p must have values"] = { name = "a.x", method = "GET", path = "/x", params = { { "p", type = "enum" } } },
      ["unknown field require of the parameter p"] = { name = "a.x", method = "GET", path = "/", params = { { "p", require = true } } },
      ["the parameter p is there twice"] = { name = "a.x", method = "GET", path = "/x", params = { { "p" }, { "p" } } },
      ["params must be an array"] = { name = "a.x", method = "GET", path = "/x", params = { p = { type = "id" } } },
      ["either must be an array of arrays"] = { name = "a.x", method = "GET", path = "/x", params = { { "p" } }, either = { "p" } },
      ["either names q, which is not in params"] = { name = "a.x", method = "GET", path = "/", params = {}, either = { { "q" } } },
    } do
      refused(text, entry)
    end
    local other = face.client(sb)
    assert.is_nil(other.shop)
    other:close()
  end)

  it("exist on the default client too", function()
    local output, status = face.run([[
      local itrigger = require "itrigger"
      for _, name in ipairs { "shop.other", "shop.echo", "member.levels" } do
        itrigger.define { name = name, method = "GET", path = "/itrigger-tenant/v1/basic/openAPItest/test/get" }
      end
      assert(not pcall(itrigger.define, { name = "null.x", method = "GET", path = "/x" }))
      assert(itrigger.shop.other and itrigger.member.levels)
      print(assert(itrigger.member.query { mobile = "18899888899", storeNo = "1159374785466208256" }).code)
      print(assert(itrigger.shop.echo()).data, itrigger.nothing)
      for row in itrigger.member.point_list:pages { mobile = "18899888899", storeNo = "1159374785466208256", pageSize = 2 } do
        print(row.exchangePoints ~= nil)
        break
      end
    ]], (function()
      local id, secret = face.app(sb)
      return { ITRIGGER_APP_ID = id, ITRIGGER_APP_SECRET = secret, ITRIGGER_GATEWAY = sb.gateway }
    end)())
    assert.equal(0, status, output)
    assert.equal("200\nok\tnil\ntrue\n", output)
  end)
end)
