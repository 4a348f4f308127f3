-- The trades and refunds that were saved.
local orders = {}

local trades, refunds, next_trade, next_refund

-- Saving one again keeps its id.
local function save(list, key, id)
  if not list[key] then
    list[key] = id
    return id, true
  end
  return list[key], false
end

function orders.save_trade(platform, code)
  local id, is_new = save(trades, platform .. "/" .. code, next_trade)
  if is_new then
    next_trade = next_trade + 1
  end
  return id
end

function orders.save_refund(platform, code)
  local id, is_new = save(refunds, platform .. "/" .. code, next_refund)
  if is_new then
    next_refund = next_refund + 1
  end
  return id
end

function orders.reset()
  trades, refunds = {}, {}
  next_trade, next_refund = 226529926389059299LL, 326529926389059299LL
end

orders.reset()

return orders
