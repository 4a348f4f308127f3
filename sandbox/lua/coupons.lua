-- The coupons in memory: templates, and the coupons made from them that somebody holds.
local coupons = {}

local templates, held, next_id

local start_ms, end_ms = 1556647800000, 1893427200000

local function template(id, title, money)
  return { templateId = id, title = title, money = money, startTime = start_ms, endTime = end_ms }
end

function coupons.template(id)
  return templates[tonumber(id)]
end

-- Gives a member a coupon of the template.
function coupons.give(member, from)
  local coupon = {
    id = next_id,
    code = "2019" .. tostring(next_id):gsub("LL$", ""),
    template = from,
    member = member,
    used = false,
  }
  next_id = next_id + 1
  held[#held + 1] = coupon
  return coupon
end

function coupons.with_code(code)
  for _, coupon in ipairs(held) do
    if coupon.code == code then
      return coupon
    end
  end
end

-- Spends it; false if it was spent before.
function coupons.consume(coupon)
  if coupon.used then
    return false
  end
  coupon.used = true
  return true
end

function coupons.row(coupon)
  return { id = coupon.id, userCardCode = coupon.code, status = coupon.used and "已使用" or "未使用" }
end

function coupons.describe(coupon)
  local out = coupons.row(coupon)
  for name, value in pairs(coupon.template) do
    out[name] = value
  end
  return out
end

function coupons.rows_of(member)
  local rows = {}
  for _, coupon in ipairs(held) do
    if coupon.member == member then
      rows[#rows + 1] = coupons.row(coupon)
    end
  end
  return rows
end

-- `member` gets 23 coupons, codes 2019226529926389059301 and on.
function coupons.reset(member)
  templates = {
    [111] = template(111, "满100减20", "20.00"),
    [112] = template(112, "新会员礼", "12.88"),
  }
  held, next_id = {}, 226529926389059301LL
  for i = 1, 23 do
    coupons.give(member, templates[i % 2 == 1 and 111 or 112])
  end
end

return coupons
