-- The documented endpoints: which parameters they need and what they do.
local coupons = require "coupons"
local echo = require "echo"
local members = require "members"
local orders = require "orders"
local paging = require "paging"
local params = require "params"
local response = require "response"

local endpoints = {}

local business = "/itrigger-bff/v2/open/api"
local test = "/itrigger-tenant/v1/basic/openAPItest/test"

local function bad(what)
  return response.fail(61451, "参数错误: " .. what)
end

local function no_member()
  return response.fail(80002, "会员不存在")
end

local function no_user()
  return response.fail(46004, "用户不存在")
end

-- `run` with the member that mobile and storeNo name.
local function with_member(run)
  return function(p)
    local member = members.find(p.mobile, p.storeNo)
    if not member then
      return no_member()
    end
    return run(member, p)
  end
end

local function register(p)
  if members.find(p.mobile, p.storeNo) then
    return response.fail(80001, "会员已存在")
  end
  local member = members.add(p)
  members.bind(member, p.channel, params.text(p.channelId))
  return response.ok(true)
end

local function query(member)
  return response.ok(members.describe(member))
end

local function modify(member, p)
  members.update(member, p)
  return response.ok(true)
end

local function binding(member, p)
  members.bind(member, p.channel, params.text(p.channelId))
  return response.ok(true)
end

local function point(member)
  return response.ok { currentPoint = member.points }
end

local function point_list(member, p)
  return response.ok(paging.page(member.rows, p.pageNum, p.pageSize))
end

-- The number that `operation` makes of an amount: add is what it is without one.
local function signed(amount, operation)
  local number = tonumber(amount) or 0
  return operation == "sub" and -number or number
end

local function point_modify(member, p)
  local points = signed(p.changePoint, p.operation)
  if not members.change_points(member, points, p.changeDesc, p.changeTime) then
    return bad("changePoint, 积分不足")
  end
  return response.ok(true)
end

local function growth_modify(member, p)
  if not members.change_growth(member, signed(p.changeGrowth, p.operation)) then
    return bad("changeGrowth, 成长值不足")
  end
  return response.ok(true)
end

local function detail_by_code(p)
  local coupon = coupons.with_code(p.userCardCode)
  return coupon and response.ok(coupons.describe(coupon)) or bad("userCardCode, 卡券不存在")
end

local function detail_by_template(p)
  local template = coupons.template(p.templateId)
  return template and response.ok(template) or bad("templateId, 卡券模板不存在")
end

-- A GET that spends.
local function consume(p)
  local coupon = coupons.with_code(p.userCardCode)
  if not coupon then
    return bad("userCardCode, 卡券不存在")
  elseif not members.with_person(p.userId) then
    return no_user()
  elseif not coupons.consume(coupon) then
    return response.fail(500, "卡券已使用")
  end
  return response.nothing()
end

-- Whom phone, or channelRecoginizeId with channelType, names.
local function user(p, phone)
  if phone then
    return members.with_mobile(phone)
  end
  return members.with_channel(params.text(p.channelType), params.text(p.channelRecoginizeId))
end

local function coupon_list(p)
  local member = user(p, p.phone)
  if not member then
    return no_user()
  end
  return response.ok(paging.page(coupons.rows_of(member), p.pageNum, p.pageSize))
end

-- phones: an array, or a string with commas.
local function phone_list(phones)
  if type(phones) == "table" then
    return phones
  end
  local list = {}
  for phone in params.text(phones):gmatch("[^,%s]+") do
    list[#list + 1] = phone
  end
  return list
end

local function receivers(p)
  if not p.phones then
    return { user(p) }
  end
  local list = {}
  for _, phone in ipairs(phone_list(p.phones)) do
    list[#list + 1] = members.with_mobile(params.text(phone))
  end
  return list
end

local function divide(p)
  local template = coupons.template(p.couponId)
  if not template then
    return bad("couponId, 卡券不存在")
  end
  local list = receivers(p)
  if #list == 0 then
    return no_user()
  end
  for _, member in ipairs(list) do
    coupons.give(member, template)
  end
  return response.ok(true)
end

local function trades(p)
  return response.ok(orders.save_trade(params.text(p.platformCode), params.text(p.platformTradeCode)))
end

local function refunds(p)
  return response.ok(orders.save_refund(params.text(p.platformCode), params.text(p.platformRefundCode)))
end

-- No endpoint shows a product, so nothing is kept.
local function save_product()
  return response.ok(true)
end

local function trigger(p)
  if not members.with_person(params.text(p.personId)) then
    return no_user()
  end
  return response.ok(true)
end

-- Two ways to say whom, one of which must be complete.
local function user_or(name)
  return { { name }, { "channelRecoginizeId", "channelType" } }
end

-- path → { method, run, required … }; a list among the required holds alternatives.
local by_path = {
  [test .. "/get"] = { "GET", echo.ok, echo = true },
  [test .. "/post"] = { "POST", echo.ok, echo = true },
}

local business_paths = {
  ["/member/register"] = { "POST", register, "mobile", "storeNo", "channel" },
  ["/member/query"] = { "GET", with_member(query), "mobile", "storeNo" },
  ["/member/modify"] = { "POST", with_member(modify), "mobile", "storeNo" },
  ["/member/binding"] = { "POST", with_member(binding), "mobile", "storeNo", "channel", "channelId" },
  ["/member/point"] = { "GET", with_member(point), "mobile", "storeNo" },
  ["/member/point/list"] = { "GET", with_member(point_list), "mobile", "storeNo", "pageNum", "pageSize" },
  ["/member/point/modify"] = { "POST", with_member(point_modify), "mobile", "storeNo", "changeDesc" },
  ["/member/growth/modify"] = { "POST", with_member(growth_modify), "mobile", "storeNo", "changeDesc" },
  ["/coupons/detail/byUserCardCode"] = { "GET", detail_by_code, "userCardCode" },
  ["/coupons/detail/byTemplateId"] = { "GET", detail_by_template, "templateId" },
  ["/coupons/consume"] = { "GET", consume, "userCardCode", "userId" },
  ["/coupons/list"] = { "POST", coupon_list, "pageNum", "pageSize", user_or("phone") },
  ["/coupons/divide"] = { "POST", divide, "couponId", user_or("phones") },
  ["/order/platform/trades"] = {
    "POST", trades, "platformCode", "platformTradeCode", "shopName", "originalContent",
  },
  ["/order/platform/refunds"] = {
    "POST", refunds, "platformCode", "platformRefundCode", "shopName", "refundContent",
  },
  ["/product/sys/products"] = { "POST", save_product, "name", "code", "type" },
  ["/event/trigger"] = { "POST", trigger, "personId", "brandId", "eventCode" },
}

for path, endpoint in pairs(business_paths) do
  by_path[business .. path] = endpoint
end

function endpoints.find(path)
  return by_path[path]
end

-- Method, then what is missing, then what is bad, then the work.
function endpoints.run(endpoint, self)
  if self.method ~= endpoint[1] then
    return response.fail(500, "Request method '" .. self.method .. "' not supported", 405)
  end
  if endpoint.echo and echo.is_wanted(self) then
    return echo.tell(self)
  end
  local values, refused = params.of(self)
  if not values then
    return refused
  end
  local missing = params.first_missing(values, { unpack(endpoint, 3) })
  if missing then
    return response.fail(63001, "部分参数为空: " .. missing)
  end
  local wrong = params.first_bad(values)
  if wrong then
    return bad(wrong)
  end
  return endpoint[2](params.normalize(values))
end

function endpoints.reset()
  members.reset()
  orders.reset()
  coupons.reset(members.with_person("100001"))
end

endpoints.reset()

return endpoints
