-- luacheck: std ngx_lua
-- The tokens given out, and the three kinds of gateway:
--   overwrite  a new token ends the earlier ones (first revision of the documentation)
--   overlap    an earlier token lives to its own end (second revision)
--   same       the same token again while it is young, then as overlap
local json = require "json"

local tokens = {}

tokens.kinds = { overwrite = true, overlap = true, same = true }

local max_remembered = 5000

local options, by_text, order

function tokens.reset()
  options = {
    kind = "overwrite", -- what …/token does
    refresh_kind = "overlap", -- what …/token/refresh does
    life_ms = 7200000,
    young_ms = nil, -- "same": how long; nil: half the life
    daily_limit = nil, -- tokens per app and day; nil: no limit
    refused_as = "code401", -- http401, code401, code, message
    refused_code = nil, -- for "code" and "message"; nil: 500
    refused_message = nil, -- nil: by the reason
    next_tokens = json.array {}, -- the texts of the next tokens
    next_answers = json.array {}, -- whole answers instead of the next tokens
  }
  by_text, order = {}, {}
end

function tokens.options()
  return options
end

local function now_ms()
  ngx.update_time()
  return ngx.now() * 1000
end

local function forget_old()
  while #order > max_remembered do
    by_text[table.remove(order, 1).text] = nil
  end
end

local random_file = io.open("/dev/urandom", "rb")

local function random_text()
  local bytes = random_file:read(16)
  return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

-- Makes `text` (or a new one) a good token of `app`, from now.
function tokens.grant(app, text)
  local now = now_ms()
  local token = { text = text or random_text(), app = app, born_ms = now }
  token.end_ms = now + options.life_ms
  by_text[token.text] = token
  order[#order + 1] = token
  forget_old()
  return token
end

local function newest(app)
  for i = #order, 1, -1 do
    if order[i].app == app and not order[i].ended then
      return order[i]
    end
  end
end

local function end_all(app, why)
  for _, token in ipairs(order) do
    if (app == nil or token.app == app) and not token.ended then
      token.ended = why
    end
  end
end

-- A token for `app`, by the rules of `kind`.
function tokens.issue(app, kind)
  local young_ms = options.young_ms or options.life_ms / 2
  if kind == "same" and #options.next_tokens == 0 then
    local token = newest(app)
    if token and now_ms() - token.born_ms < math.min(young_ms, options.life_ms) then
      return token
    end
  elseif kind == "overwrite" then
    end_all(app, "overwritten")
  end
  return tokens.grant(app, table.remove(options.next_tokens, 1))
end

-- The token's app, or nil and why it is refused: missing, unknown, overwritten, expired, revoked.
function tokens.check(text)
  if text == nil or text == true or text == "" then
    return nil, "missing"
  end
  local token = by_text[text]
  if not token then
    return nil, "unknown"
  elseif token.ended then
    return nil, token.ended
  elseif now_ms() >= token.end_ms then
    return nil, "expired"
  end
  return token.app
end

-- Ends one token, or with true all that are out.
function tokens.finish(which, why)
  if which == true then
    end_all(nil, why)
  elseif by_text[which] then
    by_text[which].ended = why
  end
end

-- When each token was issued, in whole milliseconds.
function tokens.issued()
  local times = {}
  for text, token in pairs(by_text) do
    times[text] = math.floor(token.born_ms + 0.5)
  end
  return times
end

-- The texts of the good tokens, the oldest first.
function tokens.live()
  local texts = {}
  for _, token in ipairs(order) do
    if not token.ended and now_ms() < token.end_ms then
      texts[#texts + 1] = token.text
    end
  end
  return texts
end

tokens.reset()

return tokens
