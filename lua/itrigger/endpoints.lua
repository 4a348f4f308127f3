-- The documented endpoints (docs/protocol.md) as data: one entry per endpoint, one table per parameter. From it come the
-- functions (client.member.query …), their checks, the reference, the types and the sandbox's checks.
--
-- An entry:  name    "group.function"
--            method  "GET" or "POST"            path    of the gateway
--            en, zh  one line each
--            params  in the order of the vendor's documentation; a parameter is
--                    { name, type =, required =, values = (enum), en =, zh =, example = }
--            either  groups of names, one of which must be complete
--            paged   true for a list with pageNum, pageSize, total
--            safe    true if a repeated call changes nothing: then it is sent as idempotent
--            once    true if it must never be repeated, whatever the caller says
--            open    true if it takes parameters that are not listed
--            answer  an example of `data`
--
-- Types: see endpoint.lua.

local channels = require "itrigger.channels"

local business = "/itrigger-bff/v2/open/api"
local test = "/itrigger-tenant/v1/basic/openAPItest/test"

-- ---- parameters that several endpoints have ----

local mobile = { "mobile", type = "mobile", en = "Mobile number", zh = "手机号", example = "18899888899" }
local store_no = { "storeNo", type = "id", en = "Store number", zh = "门店编号", example = "1159374785466208256" }
local channel = {
  "channel", type = "enum", values = channels, en = "Member channel (itrigger.channel)", zh = "会员渠道", example = 2,
}
local channel_id = {
  "channelId", type = "id", en = "The member's id on that channel", zh = "会员在该渠道的标识", example = "oX8Yz5Kq",
}
local address = { "address", type = "text", en = "Address", zh = "地址", example = "南京西路1266号" }
local birthday = { "birthDay", type = "date", en = "Date of birth", zh = "生日", example = "1990-01-31" }
local city = { "city", type = "text", en = "City", zh = "城市", example = "上海市" }
local county = { "county", type = "text", en = "County or district", zh = "区县", example = "静安区" }
local gender = { "gender", type = "text", en = "Gender", zh = "性别", example = "1" }
local head_pic = { "headPic", type = "text", en = "URL of the portrait", zh = "头像地址", example = "https://img.example.com/1.png" }
local identity = { "identity", type = "text", en = "Identity card number", zh = "身份证号", example = "310101199001310016" }
local province = { "province", type = "text", en = "Province", zh = "省份", example = "上海市" }
local real_name = { "realName", type = "text", en = "Name", zh = "姓名", example = "李雷" }
local brand_id = { "brandId", type = "id", en = "Brand id", zh = "品牌编号", example = "20190301" }
local page_num = { "pageNum", type = "count", en = "Page, from 1", zh = "页码，从1开始", example = 1 }
local page_size = { "pageSize", type = "count", en = "Rows per page", zh = "每页条数", example = 20 }
local change_desc = { "changeDesc", type = "text", en = "Why it changes", zh = "变更说明", example = "活动赠送" }
local change_time = { "changeTime", type = "date", en = "When it changes", zh = "变更时间", example = "2019-05-16 14:53:23" }
local effective_time = {
  "effectiveTime", type = "date", en = "Valid from", zh = "生效时间", example = "2019-05-16 00:00:00",
}
local invalid_time = { "invalidTime", type = "date", en = "Valid until", zh = "失效时间", example = "2020-05-16 00:00:00" }
local operation = {
  "operation", type = "enum", values = { add = "add", sub = "sub" }, en = "Add or subtract; add if absent",
  zh = "增加或扣减，缺省为增加", example = "add",
}
local reason_text = { "reasonText", type = "text", en = "Reason", zh = "原因", example = "营销活动" }
local reason_type = { "reasonType", type = "text", en = "Kind of reason", zh = "原因类型", example = "1" }
local user_card_code = { "userCardCode", type = "id", en = "Coupon code", zh = "券码", example = "20190516000012818" }
local recognize_id = {
  "channelRecoginizeId", type = "id", en = "The user's id on the channel (the vendor's own spelling)",
  zh = "用户在渠道的识别标识（拼写以企加云为准）", example = "oX8Yz5Kq",
}
local channel_type = { "channelType", type = "id", en = "Kind of channel", zh = "渠道类型", example = "2" }
local buyer_nick = { "buyerNick", type = "text", en = "Buyer's nickname", zh = "买家昵称", example = "buyer" }
local seller_nick = { "sellerNick", type = "text", en = "Seller's nickname", zh = "卖家昵称", example = "seller" }
local create_time = { "createTime", type = "date", en = "When it was created", zh = "创建时间", example = "2019-05-16 14:53:23" }
local platform_code = { "platformCode", type = "id", en = "Platform", zh = "平台编码", example = "TB" }
local shop_name = { "shopName", type = "text", en = "Shop", zh = "店铺名称", example = "旗舰店" }

local function required(param)
  local copy = { required = true }
  for name, value in pairs(param) do
    copy[name] = value
  end
  return copy
end

local list = {
  {
    name = "member.register", method = "POST", path = business .. "/member/register",
    en = "Register a member", zh = "会员注册",
    params = {
      required(mobile), required(store_no), required(channel), address, birthday, channel_id, city, county, gender,
      head_pic, identity, province, real_name, brand_id,
    },
    answer = true,
  },
  {
    name = "member.query", method = "GET", path = business .. "/member/query",
    en = "Query a member", zh = "会员查询", safe = true,
    params = { required(mobile), required(store_no) },
    answer = {
      realName = "李雷", gender = "1", birthDay = "1990-01-31", province = "上海市", city = "上海市", county = "静安区",
      growth = "120", levelName = "金卡", point = "100",
    },
  },
  {
    name = "member.modify", method = "POST", path = business .. "/member/modify",
    en = "Change a member's data", zh = "会员信息修改",
    params = {
      required(mobile), required(store_no), address, birthday, city, county, gender, head_pic, identity, province,
      real_name,
    },
    answer = true,
  },
  {
    name = "member.binding", method = "POST", path = business .. "/member/binding",
    en = "Bind a member to a channel", zh = "会员绑定渠道",
    params = { required(mobile), required(store_no), required(channel), required(channel_id) },
    answer = true,
  },
  {
    name = "member.point", method = "GET", path = business .. "/member/point",
    en = "Query a member's points", zh = "会员积分查询", safe = true,
    params = { required(mobile), required(store_no) },
    answer = { currentPoint = 100 },
  },
  {
    name = "member.point_list", method = "GET", path = business .. "/member/point/list",
    en = "List a member's changes of points", zh = "会员积分明细查询", safe = true, paged = true,
    params = { required(mobile), required(store_no), required(page_num), required(page_size) },
    answer = { { id = 473296, exchangeTime = "2019-05-16 14:53:23", detailReason = "营销活动", exchangePoints = "100.0" } },
  },
  {
    name = "member.point_modify", method = "POST", path = business .. "/member/point/modify",
    en = "Change a member's points", zh = "会员积分变更",
    params = {
      required(mobile), required(store_no), required(change_desc),
      { "changePoint", type = "number", en = "Points", zh = "变更积分", example = 10 },
      change_time, effective_time, invalid_time, operation, reason_text, reason_type,
    },
    answer = true,
  },
  {
    name = "member.growth_modify", method = "POST", path = business .. "/member/growth/modify",
    en = "Change a member's growth value", zh = "会员成长值变更",
    params = {
      required(mobile), required(store_no), required(change_desc),
      { "changeGrowth", type = "number", en = "Growth value", zh = "变更成长值", example = 10 },
      change_time, effective_time, invalid_time, operation, reason_text, reason_type,
    },
    answer = true,
  },
  {
    name = "coupons.detail_by_code", method = "GET", path = business .. "/coupons/detail/byUserCardCode",
    en = "Query a coupon by its code", zh = "按券码查询卡券详情", safe = true,
    params = { required(user_card_code) },
    answer = { id = 111, userCardCode = "20190516000012818", status = "未使用" },
  },
  {
    name = "coupons.detail_by_template", method = "GET", path = business .. "/coupons/detail/byTemplateId",
    en = "Query a coupon template", zh = "按模板查询卡券详情", safe = true,
    params = { { "templateId", type = "id", required = true, en = "Template id", zh = "模板编号", example = "1001" } },
    answer = { id = "1001", name = "满100减10" },
  },
  {
    name = "coupons.consume", method = "GET", path = business .. "/coupons/consume",
    en = "Spend a coupon (a GET that changes something)", zh = "卡券核销（GET 请求，但会核销）", once = true,
    params = {
      required(user_card_code),
      { "userId", type = "id", required = true, en = "The member's person id", zh = "会员编号", example = "100001" },
    },
  },
  {
    name = "coupons.list", method = "POST", path = business .. "/coupons/list",
    en = "List a member's coupons", zh = "会员卡券列表", safe = true, paged = true,
    params = {
      required(page_num), required(page_size),
      { "phone", type = "mobile", en = "Mobile number", zh = "手机号", example = "18899888899" },
      recognize_id, channel_type,
      { "tenantId", type = "id", en = "Tenant id", zh = "租户编号", example = "100" },
    },
    either = { { "phone" }, { "channelRecoginizeId", "channelType" } },
    answer = { { id = 111, userCardCode = "20190516000012818", status = "未使用" } },
  },
  {
    name = "coupons.divide", method = "POST", path = business .. "/coupons/divide",
    en = "Give a coupon to members", zh = "发放卡券",
    params = {
      { "couponId", type = "id", required = true, en = "Template id", zh = "卡券编号", example = "1001" },
      { "phones", type = "mobiles", en = "Mobile numbers: an array, or one string with commas", zh = "手机号列表，数组或逗号分隔",
        example = { "18899888899" } },
      recognize_id, channel_type,
    },
    either = { { "phones" }, { "channelRecoginizeId", "channelType" } },
    answer = true,
  },
  {
    name = "order.trades", method = "POST", path = business .. "/order/platform/trades",
    en = "Upload a platform's order", zh = "平台订单上传",
    params = {
      required(platform_code),
      { "platformTradeCode", type = "id", required = true, en = "The platform's order number", zh = "平台订单号",
        example = "226529926389059299" },
      required(shop_name),
      { "originalContent", type = "content", required = true, en = "The order as the platform gave it", zh = "平台原始订单内容",
        example = "{\"tid\":226529926389059299}" },
      buyer_nick, seller_nick, create_time,
    },
    answer = true,
  },
  {
    name = "order.refunds", method = "POST", path = business .. "/order/platform/refunds",
    en = "Upload a platform's refund", zh = "平台退款单上传",
    params = {
      required(platform_code),
      { "platformRefundCode", type = "id", required = true, en = "The platform's refund number", zh = "平台退款单号",
        example = "226529926389059300" },
      required(shop_name),
      { "refundContent", type = "content", required = true, en = "The refund as the platform gave it", zh = "平台原始退款内容",
        example = "{\"refund_id\":226529926389059300}" },
      { "id", type = "id", en = "Id", zh = "编号", example = "1" },
      buyer_nick, seller_nick, create_time,
    },
    answer = true,
  },
  {
    name = "product.save", method = "POST", path = business .. "/product/sys/products",
    en = "Save a product", zh = "商品保存",
    params = {
      { "name", type = "text", required = true, en = "Name", zh = "商品名称", example = "衬衫" },
      { "code", type = "id", required = true, en = "Product code", zh = "商品编码", example = "SKU-1" },
      { "type", type = "id", required = true, en = "Kind of product", zh = "商品类型", example = "1" },
      { "barcode", type = "id", en = "Barcode", zh = "条形码", example = "6901234567892" },
      brand_id,
      { "goodsCostPrice", type = "number", en = "Cost price", zh = "成本价", example = "58.00" },
      { "goodsManufactureDate", type = "date", en = "Date of manufacture", zh = "生产日期", example = "2019-05-01" },
      { "goodsManufacturer", type = "text", en = "Manufacturer", zh = "生产商", example = "某某制衣" },
      { "goodsOrigin", type = "text", en = "Origin", zh = "产地", example = "杭州" },
      { "goodsPrice", type = "number", en = "Price", zh = "售价", example = "128.00" },
      { "goodsWeight", type = "number", en = "Weight", zh = "重量", example = "0.30" },
      { "itemImgs", type = "any", en = "Pictures", zh = "商品图片" },
      { "memo", type = "text", en = "Note", zh = "备注", example = "新品" },
      { "picUrl", type = "text", en = "URL of the main picture", zh = "主图地址", example = "https://img.example.com/1.png" },
      { "supplierId", type = "id", en = "Supplier id", zh = "供应商编号", example = "77" },
      { "supplierName", type = "text", en = "Supplier", zh = "供应商名称", example = "某某供应商" },
      { "unit", type = "text", en = "Unit", zh = "单位", example = "件" },
      { "descModules", type = "any", en = "Modules of the description", zh = "描述模块" },
    },
    answer = true,
  },
  {
    name = "event.trigger", method = "POST", path = business .. "/event/trigger",
    en = "Trigger an event; takes any attribute that is configured for it", zh = "事件触发，可带该事件配置的任意属性",
    open = true,
    params = {
      { "personId", type = "id", required = true, en = "The member's person id", zh = "会员编号", example = "100001" },
      required(brand_id),
      { "eventCode", type = "id", required = true, en = "Code of the event", zh = "事件编码", example = "birthday" },
      { "eventTime", type = "date", en = "When it happened", zh = "事件时间", example = "2019-05-16 14:53:23" },
    },
    answer = true,
  },
  {
    name = "test.get", method = "GET", path = test .. "/get",
    en = "The vendor's test endpoint for GET", zh = "测试接口（GET）", safe = true, open = true, params = {}, answer = "ok",
  },
  {
    name = "test.post", method = "POST", path = test .. "/post",
    en = "The vendor's test endpoint for POST", zh = "测试接口（POST）", safe = true, open = true, params = {}, answer = "ok",
  },
}

return { list = list }
