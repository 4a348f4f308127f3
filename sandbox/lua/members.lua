-- The members in memory, and the rows of their points.
local members = {}

local by_key, by_person, next_row

-- 2019-05-16 14:53:23 UTC, the time of the documentation's example row.
local example_time = 1558018403
local first_row = 473240

local function key(mobile, store)
  return mobile .. "@" .. store
end

local function time_text(seconds)
  return os.date("!%Y-%m-%d %H:%M:%S", seconds)
end

-- Rows stand newest first, as the list shows them.
local function add_row(member, points, reason, time)
  table.insert(member.rows, 1, {
    id = next_row,
    exchangeTime = time,
    detailReason = reason,
    exchangePoints = string.format("%.1f", points),
  })
  next_row = next_row + 1
end

-- 57 rows, so that there are pages; they add up to 100 points.
local function preload_rows(member)
  for i = 1, 56 do
    local points = i % 2 == 1 and 10 or -10
    add_row(member, points, points > 0 and "签到" or "积分兑换", time_text(example_time - (57 - i) * 86400))
  end
  add_row(member, 100, "营销活动", time_text(example_time))
  member.points = 100
end

local profile_fields = {
  "realName", "gender", "birthDay", "identity", "county", "province", "city", "address", "headPic",
}

function members.add(fields)
  local member = {
    mobile = fields.mobile,
    store = fields.storeNo,
    person = string.format("%d", 100001 + #by_person),
    channels = {},
    profile = {},
    points = 0,
    growth = 0,
    rows = {},
  }
  by_key[key(member.mobile, member.store)] = member
  by_person[#by_person + 1] = member
  members.update(member, fields)
  return member
end

-- Takes over the fields of the profile that are there.
function members.update(member, fields)
  for _, name in ipairs(profile_fields) do
    if type(fields[name]) == "string" or type(fields[name]) == "number" then
      member.profile[name] = tostring(fields[name])
    end
  end
end

function members.find(mobile, store)
  return by_key[key(mobile, store)]
end

function members.with_mobile(mobile)
  for _, member in ipairs(by_person) do
    if member.mobile == mobile then
      return member
    end
  end
end

function members.with_person(person)
  for _, member in ipairs(by_person) do
    if member.person == person then
      return member
    end
  end
end

function members.bind(member, channel, channel_id)
  member.channels[channel] = channel_id
end

function members.with_channel(channel, channel_id)
  for _, member in ipairs(by_person) do
    if member.channels[channel] == channel_id then
      return member
    end
  end
end

local function level(growth)
  if growth >= 5000 then
    return "金卡会员"
  elseif growth >= 1000 then
    return "银卡会员"
  end
  return "普通会员"
end

-- The answer of member.query: all strings.
function members.describe(member)
  local out = {
    growth = string.format("%.14g", member.growth),
    levelName = level(member.growth),
    point = string.format("%.14g", member.points),
  }
  for _, name in ipairs(profile_fields) do
    out[name] = member.profile[name] or ""
  end
  return out
end

-- Adds points (fewer than none with a negative number); false if there are not that many.
function members.change_points(member, points, reason, time)
  if member.points + points < 0 then
    return false
  end
  member.points = member.points + points
  add_row(member, points, reason, time or time_text(os.time()))
  return true
end

function members.change_growth(member, growth)
  if member.growth + growth < 0 then
    return false
  end
  member.growth = member.growth + growth
  return true
end

function members.reset()
  by_key, by_person, next_row = {}, {}, first_row
  local member = members.add {
    mobile = "18899888899",
    storeNo = "1159374785466208256",
    realName = "张三",
    gender = "1",
    birthDay = "1990-01-01",
    identity = "330106199001011234",
    county = "西湖区",
    province = "浙江省",
    city = "杭州市",
    address = "文三路 90 号",
    headPic = "https://pic.example/18899888899.png",
  }
  member.growth = 1280
  members.bind(member, "2", "oWx1-18899888899")
  preload_rows(member)
end

members.reset()

return members
