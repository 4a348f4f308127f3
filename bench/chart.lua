-- Draws calls a second of the member query over HTTP as an SVG. Usage: chart.lua RESULTS
local WHAT = "http 0.3k GET"
local GROUPS = { 1, 8, 64, 256 }
local NAMES = {
  { "lua-http", "#b8b8b8" }, { "luasocket", "#9a9a9a" }, { "lua-curl", "#6f6f6f" }, { "sequential", "#2f7dc0" },
  { "easy+decode", "#cfa35a" }, { "batch", "#0b4f8a" }, { "multi+decode", "#c77f1a" }, { "wrk", "#dddddd" },
}
local TITLES = { sequential = "itrigger, one by one", batch = "itrigger, batch", ["lua-curl"] = "Lua-cURL + cjson",
  luasocket = "LuaSocket + cjson", ["lua-http"] = "lua-http + cjson", ["easy+decode"] = "libcurl easy + cjson, in C",
  ["multi+decode"] = "libcurl multi + cjson, in C", wrk = "wrk (decodes nothing)" }

local function median(values)
  table.sort(values)
  return values[(#values + 1) // 2]
end

local rates, most = {}, 0
for line in io.lines(arg[1]) do
  local what, at_once, name, count, wall = line:match("^(.-)\t(.-)\t(.-)\t(.-)\t(.-)\t")
  if what == WHAT then
    local key = at_once .. name
    rates[key] = rates[key] or {}
    table.insert(rates[key], count / wall * 1e6)
  end
end
for key, values in pairs(rates) do
  rates[key] = median(values)
  most = math.max(most, rates[key])
end

local WIDTH, HEIGHT, LEFT, BOTTOM, BAR = 860, 430, 64, 340, 34
local function y_of(rate)
  return BOTTOM - rate / most * (BOTTOM - 50)
end

print(('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">')
  :format(WIDTH, HEIGHT))
print(('<rect width="%d" height="%d" fill="white"/>'):format(WIDTH, HEIGHT))
print(('<text x="%d" y="24" font-size="15">Calls a second, member query (0.3 KB) over HTTP on loopback; more is '
  .. 'better</text>'):format(LEFT))
local step = 10 ^ math.floor(math.log(most, 10))
for rate = 0, most, most / step < 3 and step / 2 or step do
  local y = y_of(rate)
  print(('<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#e4e4e4"/>'):format(LEFT, WIDTH - 10, y, y))
  print(('<text x="%d" y="%.1f" text-anchor="end" fill="#555">%.0f</text>'):format(LEFT - 6, y + 4, rate))
end
local x = LEFT + 10
for _, at_once in ipairs(GROUPS) do
  local from = x
  for _, n in ipairs(NAMES) do
    local rate = rates[at_once .. n[1]]
    if rate then
      local y = y_of(rate)
      print(('<rect x="%d" y="%.1f" width="%d" height="%.1f" fill="%s"><title>%s: %.0f</title></rect>'):format(x, y,
        BAR - 2, BOTTOM - y, n[2], TITLES[n[1]], rate))
      x = x + BAR
    end
  end
  print(('<text x="%.1f" y="%d" text-anchor="middle">%d at once</text>'):format((from + x) / 2, BOTTOM + 18, at_once))
  x = x + 40
end
for i, n in ipairs(NAMES) do
  local column, row = (i - 1) % 4, (i - 1) // 4
  local at, y = LEFT + column * 195, BOTTOM + 42 + row * 22
  print(('<rect x="%d" y="%d" width="12" height="12" fill="%s"/><text x="%d" y="%d">%s</text>'):format(at, y, n[2],
    at + 17, y + 11, TITLES[n[1]]))
end
print("</svg>")
