-- The sandbox behaves as its README says, seen through the curl command: what other specs stand on.
local cjson = require "cjson"
local sandbox = require "spec.support.sandbox"

local token_path = "/itrigger-tenant/v1/basic/accessTokenOpen/token"
local get_path = "/itrigger-tenant/v1/basic/openAPItest/test/get"
local post_path = "/itrigger-tenant/v1/basic/openAPItest/test/post"
local api = "/itrigger-bff/v2/open/api"
local who = "mobile=18899888899&storeNo=1159374785466208256"

local sb

local curl = sandbox.request

local function fetch(suffix, query)
  return curl(sb.gateway .. token_path .. (suffix or "") .. "?" .. (query or
    "appId=" .. sb.app_id .. "&appSecret=" .. sb.app_secret))
end

local function json(answer)
  return cjson.decode(answer.body)
end

local function new_token(suffix)
  return json(fetch(suffix)).data.accessToken
end

local function get(path, query, token, more)
  return curl(sb.gateway .. path .. "?accessToken=" .. (token or new_token()) .. "&" .. (query or ""), more)
end

local function post(path, body, token, more)
  local arguments = { "-H", "Content-Type: application/json", "--data-binary", body }
  for _, argument in ipairs(more or {}) do
    arguments[#arguments + 1] = argument
  end
  return curl(sb.gateway .. path .. "?accessToken=" .. (token or new_token()), arguments)
end

local function code(answer)
  return json(answer).code
end

describe("the sandbox", function()
  setup(function() sb = sandbox.start() end)
  teardown(function() sb:stop() end)
  before_each(function() sb:reset() end)

  describe("its token endpoints", function()
    it("give 32 hex digits in the envelope", function()
      local answer = fetch()
      assert.equal(200, answer.status)
      assert.truthy(answer.head:find("content-type: application/json;charset=utf-8", 1, true))
      assert.truthy(answer.body:find(
        '^{"code":200,"message":"操作成功","data":{"accessToken":"%x+"}}$'))
      assert.equal(32, #json(answer).data.accessToken)
    end)

    it("refuse empty credentials with 40001, wrong ones with 40002", function()
      assert.equal(40001, code(fetch("", "")))
      assert.equal(40001, code(fetch("", "appId=&appSecret=x")))
      assert.equal(40001, code(fetch("/refresh", "appId=sandbox-app")))
      assert.equal(40002, code(fetch("", "appId=sandbox-app&appSecret=wrong")))
      assert.equal(40002, code(fetch("", "appId=nobody&appSecret=sandbox-secret")))
      assert.equal(0, sb:state().granted)
      assert.equal(5, sb:state().fetches)
    end)

    it("refuse a frozen app with 40003, and its token goes on", function()
      local token = new_token()
      sb:app { frozen = true }
      assert.equal(40003, code(fetch()))
      assert.equal(200, code(get(get_path, "", token)))
      sb:app { frozen = false }
      assert.equal(200, code(fetch()))
    end)

    it("refuse past the daily limit with 40004, until the next day", function()
      sb:token { daily_limit = 2 }
      assert.equal(200, code(fetch()))
      assert.equal(200, code(fetch("/refresh")))
      assert.equal(40004, code(fetch()))
      assert.equal(2, sb:state().apps[1].fetches_today)
      sb:token { new_day = true }
      assert.equal(200, code(fetch()))
    end)

    it("know more apps than one", function()
      sb:app { id = "second", secret = "word" }
      assert.equal(200, code(fetch("", "appId=second&appSecret=word")))
    end)

    it("give the texts and the answers that were queued", function()
      sb:token { next_tokens = { 'a"b\\&c=d 令牌%\n' } }
      local text = new_token()
      assert.equal('a"b\\&c=d 令牌%\n', text)
      local kept = curl(sb.gateway .. get_path, { "-G", "--data-urlencode", "accessToken=" .. text })
      assert.equal(200, code(kept))
      sb:token { next_answers = { '{"code":200,"message":"ok"}', { status = 502, body = "bad" } } }
      assert.equal('{"code":200,"message":"ok"}', fetch().body)
      local bad = fetch()
      assert.equal(502, bad.status)
      assert.equal("bad", bad.body)
      assert.equal(200, code(fetch()))
    end)

    it("take a token of 64 KB in the URL", function()
      sb:token { grant = { ("t"):rep(65536) } }
      local config = os.tmpname()
      local file = assert(io.open(config, "w"))
      file:write('url = "', sb.gateway, get_path, "?accessToken=", ("t"):rep(65536), '"\n')
      file:close()
      local text = sandbox.curl { "-K", config }
      os.remove(config)
      assert.equal("ok", cjson.decode(text).data)
    end)
  end)

  describe("a gateway of kind", function()
    it("overwrite ends the earlier token at …/token, not at …/token/refresh", function()
      local first = new_token()
      local second = new_token("/refresh")
      assert.equal(200, code(get(get_path, "", first)))
      local third = new_token()
      assert.equal(401, code(get(get_path, "", first)))
      assert.equal(401, code(get(get_path, "", second)))
      assert.equal(200, code(get(get_path, "", third)))
      assert.same({ overwritten = 2 }, sb:state().refused_because)
    end)

    it("overlap leaves it good", function()
      sb:token { kind = "overlap" }
      local first, second = new_token(), new_token()
      assert.not_equal(first, second)
      assert.equal(200, code(get(get_path, "", first)))
      assert.equal(200, code(get(get_path, "", second)))
    end)

    it("same gives the same again while it is young", function()
      sb:token { kind = "same" }
      local first = new_token()
      assert.equal(first, new_token())
      assert.equal(first, new_token("/refresh"))
      sb:token { young_ms = 0 }
      assert.not_equal(first, new_token())
      assert.equal(200, code(get(get_path, "", first)))
    end)
  end)

  describe("a token", function()
    it("ends after its life, be it a tenth of a second", function()
      sb:token { life_ms = 100 }
      local token = new_token()
      assert.is_false(sb:wait { held = 1, timeout_ms = 110 }.reached)
      local answer = json(get(get_path, "", token))
      assert.equal(401, answer.code)
      assert.equal("accessToken已过期", answer.message)
    end)

    it("ends when it is expired or revoked, one or all", function()
      sb:token { kind = "overlap" }
      local first, second, third = new_token(), new_token(), new_token()
      sb:token { revoke = first }
      assert.equal(401, code(get(get_path, "", first)))
      assert.equal(200, code(get(get_path, "", second)))
      sb:token { expire = true }
      assert.equal(401, code(get(get_path, "", second)))
      assert.equal(401, code(get(get_path, "", third)))
      assert.same({ revoked = 1, expired = 2 }, sb:state().refused_because)
      assert.same({}, sb:state().tokens)
    end)

    it("is refused in the way that was set", function()
      local function refused()
        local answer = get(get_path, "", "nonsense")
        return answer.status, code(answer), json(answer).message
      end
      assert.same({ 200, 401, "accessToken无效" }, { refused() })
      sb:token { refused_as = "http401" }
      assert.same({ 401, 401, "accessToken无效" }, { refused() })
      sb:token { refused_as = "code", refused_code = 90210 }
      assert.same({ 200, 90210, "请求失败" }, { refused() })
      sb:token { refused_as = "message", refused_code = cjson.null, refused_message = "token expired" }
      assert.same({ 200, 500, "token expired" }, { refused() })
    end)

    it("is missed on every call that has none", function()
      assert.equal(401, code(curl(sb.gateway .. get_path)))
      assert.equal(401, code(curl(sb.gateway .. api .. "/member/query?" .. who)))
      assert.same({ missing = 2 }, sb:state().refused_because)
    end)
  end)

  describe("its test endpoints", function()
    it("answer ok", function()
      assert.equal("ok", json(get(get_path, "appId=666")).data)
      assert.equal("ok", json(post(post_path, "{}")).data)
    end)

    it("echo exactly what arrived, on request", function()
      local token = new_token()
      local seen = json(get(get_path, "appId=6%206&x=%E4%BA%AC&x=2", token, { "-H", "X-Sandbox-Echo: 1" })).data
      assert.equal("GET", seen.method)
      assert.equal("accessToken=" .. token .. "&appId=6%206&x=%E4%BA%AC&x=2", seen.query)
      assert.equal(get_path .. "?" .. seen.query, seen.uri)
      assert.equal("1", seen.headers["x-sandbox-echo"])
      assert.equal(1.1, seen.http_version)
      assert.equal(1, seen.connection_requests)
      sb:settings { echo = true }
      local body = '{ "n" : 226529926389059299, "s":"北京" }'
      assert.equal(body, json(post(post_path, body, token)).data.body)
      assert.equal("//5b", json(post(post_path, "\255\254[", token)).data.body_base64)
    end)
  end)

  describe("a call", function()
    it("needs its method, its parameters, good ones, and JSON", function()
      local token = new_token()
      assert.equal(405, post(api .. "/member/query", "{}", token).status)
      assert.equal(63001, code(get(api .. "/member/query", "mobile=18899888899", token)))
      assert.equal(63001, code(get(api .. "/member/query", "mobile=18899888899&storeNo=", token)))
      assert.equal(61451, code(get(api .. "/member/query", "mobile=x&storeNo=1", token)))
      assert.equal(61451, code(post(api .. "/member/modify", "[]", token)))
      assert.equal(61451, code(post(api .. "/member/modify", "{", token)))
      assert.equal(415, post(api .. "/member/modify", "{}", token, { "-H", "Content-Type: text/plain" }).status)
    end)

    it("is denied where it was not applied for", function()
      local token = new_token()
      local answer = json(get(api .. "/no/such", "", token))
      assert.same({ 403, "无权限访问该接口" }, { answer.code, answer.message })
      sb:settings { denied_as = "http403" }
      assert.equal(403, get("/itrigger-tenant/x", "", token).status)
      sb:settings { denied_as = "message" }
      assert.equal(500, code(get("/itrigger-tenant/x", "", token)))
      sb:app { denied = { api .. "/member" } }
      assert.equal("无权限访问该接口", json(get(api .. "/member/query", who, token)).message)
      assert.equal(4, sb:state().denied)
      assert.equal(404, get("/elsewhere", "", token).status)
    end)

    it("by POST ignores the query but for the token", function()
      local answer = curl(sb.gateway .. api .. "/member/modify?accessToken=" .. new_token() .. "&" .. who,
        { "-H", "Content-Type: application/json", "--data-binary", "{}" })
      assert.equal(63001, code(answer))
    end)

    it("may answer its code as a string", function()
      sb:settings { code_as_string = true }
      assert.equal("200", code(fetch()))
    end)
  end)

  describe("its members", function()
    it("are there from the start", function()
      local data = json(get(api .. "/member/query", who)).data
      assert.equal("张三", data.realName)
      assert.equal("100", data.point)
      local names = {}
      for name, value in pairs(data) do
        assert.equal("string", type(value), name)
        names[#names + 1] = name
      end
      assert.equal(12, #names)
    end)

    it("can be registered, changed, and given points", function()
      local token = new_token()
      local base = '{"mobile":"13900000001","storeNo":"77"'
      local function member() return json(get(api .. "/member/query", "mobile=13900000001&storeNo=77", token)) end
      assert.equal(80002, member().code)
      assert.equal(61451, code(post(api .. "/member/register", base .. ',"channel":"99"}', token)))
      assert.is_true(json(post(api .. "/member/register", base .. ',"channel":4,"city":"上海"}', token)).data)
      assert.equal(80001, code(post(api .. "/member/register", base .. ',"channel":"4"}', token)))
      assert.is_true(json(post(api .. "/member/modify", base .. ',"city":"北京"}', token)).data)
      assert.equal("北京", member().data.city)
      local change = base .. ',"changeDesc":"签到","changePoint":'
      assert.is_true(json(post(api .. "/member/point/modify", change .. '"12.5"}', token)).data)
      assert.is_true(json(post(api .. "/member/point/modify", change .. '2,"operation":"sub"}', token)).data)
      assert.equal(61451, code(post(api .. "/member/point/modify", change .. '99,"operation":"sub"}', token)))
      assert.equal("10.5", member().data.point)
      local grow = base .. ',"changeDesc":"购物","changeGrowth":1000}'
      assert.is_true(json(post(api .. "/member/growth/modify", grow, token)).data)
      assert.equal("银卡会员", member().data.levelName)
    end)

    it("have points over several pages", function()
      local token = new_token()
      assert.equal(100, json(get(api .. "/member/point", who, token)).data.currentPoint)
      local sum, rows = 0, 0
      for page = 1, 6 do
        local answer = json(get(api .. "/member/point/list", who .. "&pageSize=10&pageNum=" .. page, token))
        assert.same({ 57, page, 10, 6 }, { answer.total, answer.pageNum, answer.pageSize, answer.pageCount })
        for _, row in ipairs(answer.data) do
          sum, rows = sum + tonumber(row.exchangePoints), rows + 1
        end
        if page == 1 then
          assert.same({
            id = 473296,
            exchangeTime = "2019-05-16 14:53:23",
            detailReason = "营销活动",
            exchangePoints = "100.0",
          }, answer.data[1])
        end
      end
      assert.same({ 57, 100 }, { rows, sum })
      local beyond = get(api .. "/member/point/list", who .. "&pageSize=10&pageNum=7", token)
      assert.truthy(beyond.body:find('"data":[]', 1, true))
    end)
  end)

  describe("its coupons", function()
    it("are listed, shown, spent once, and given out", function()
      local token = new_token()
      local list = post(api .. "/coupons/list", '{"pageNum":1,"pageSize":5,"phone":"18899888899"}', token)
      assert.truthy(list.body:find('"id":226529926389059301,', 1, true))
      assert.equal(23, json(list).total)
      local number = json(list).data[1].userCardCode
      assert.equal("未使用", json(get(api .. "/coupons/detail/byUserCardCode", "userCardCode=" .. number, token)).data.status)
      assert.equal(61451, code(get(api .. "/coupons/detail/byTemplateId", "templateId=9", token)))
      assert.equal("20.00", json(get(api .. "/coupons/detail/byTemplateId", "templateId=111", token)).data.money)
      local spend = "userCardCode=" .. number
      assert.equal(46004, code(get(api .. "/coupons/consume", spend .. "&userId=7", token)))
      local spent = get(api .. "/coupons/consume", spend .. "&userId=100001", token)
      assert.equal('{"code":204,"message":"操作成功","data":null}', spent.body)
      assert.equal(500, code(get(api .. "/coupons/consume", spend .. "&userId=100001", token)))
      assert.is_true(json(post(api .. "/coupons/divide", '{"couponId":112,"phones":["18899888899"]}', token)).data)
      local by_channel = '{"pageNum":"1","pageSize":"5","channelType":"2","channelRecoginizeId":"oWx1-18899888899"}'
      assert.equal(24, json(post(api .. "/coupons/list", by_channel, token)).total)
      assert.equal(63001, code(post(api .. "/coupons/list", '{"pageNum":1,"pageSize":5,"channelType":"2"}', token)))
      assert.equal(46004, code(post(api .. "/coupons/list", '{"pageNum":1,"pageSize":5,"phone":"13900000009"}', token)))
    end)
  end)

  describe("its orders, products and events", function()
    it("are taken; trades have ids beyond 2^53", function()
      local token = new_token()
      local trade = '{"platformCode":"TB","platformTradeCode":"T1","shopName":"s","originalContent":"{}"}'
      assert.truthy(post(api .. "/order/platform/trades", trade, token).body:find('"data":226529926389059299}', 1, true))
      local refund = '{"platformCode":"TB","platformRefundCode":"R1","shopName":"s","refundContent":"{}"}'
      assert.equal(200, code(post(api .. "/order/platform/refunds", refund, token)))
      assert.equal(200, code(post(api .. "/product/sys/products", '{"name":"n","code":"c","type":1}', token)))
      assert.equal(200, code(post(api .. "/event/trigger", '{"personId":"100001","brandId":"1","eventCode":"e"}', token)))
      assert.equal(46004, code(post(api .. "/event/trigger", '{"personId":"7","brandId":"1","eventCode":"e"}', token)))
    end)

    it("need their parameters", function()
      local token = new_token()
      for _, path in ipairs { "/order/platform/trades", "/order/platform/refunds", "/product/sys/products",
        "/event/trigger", "/member/binding", "/coupons/divide" } do
        assert.equal(63001, code(post(api .. path, "{}", token)), path)
      end
    end)
  end)
end)
