---@meta itrigger.endpoints
-- Made by tools/endpoints from lua/itrigger/endpoints.lua.
-- luacheck: ignore 212 241 631

---Register a member.
---@class itrigger.params.member.register
---@field mobile string|integer Mobile number
---@field storeNo string|integer Store number
---@field channel 2|3|4|5|7|10|11|14|15|16|17|18 Member channel (itrigger.channel)
---@field address? string Address
---@field birthDay? string|integer Date of birth
---@field channelId? string|integer The member's id on that channel
---@field city? string City
---@field county? string County or district
---@field gender? string Gender
---@field headPic? string URL of the portrait
---@field identity? string Identity card number
---@field province? string Province
---@field realName? string Name
---@field brandId? string|integer Brand id

---Query a member.
---@class itrigger.params.member.query
---@field mobile string|integer Mobile number
---@field storeNo string|integer Store number

---Change a member's data.
---@class itrigger.params.member.modify
---@field mobile string|integer Mobile number
---@field storeNo string|integer Store number
---@field address? string Address
---@field birthDay? string|integer Date of birth
---@field city? string City
---@field county? string County or district
---@field gender? string Gender
---@field headPic? string URL of the portrait
---@field identity? string Identity card number
---@field province? string Province
---@field realName? string Name

---Bind a member to a channel.
---@class itrigger.params.member.binding
---@field mobile string|integer Mobile number
---@field storeNo string|integer Store number
---@field channel 2|3|4|5|7|10|11|14|15|16|17|18 Member channel (itrigger.channel)
---@field channelId string|integer The member's id on that channel

---Query a member's points.
---@class itrigger.params.member.point
---@field mobile string|integer Mobile number
---@field storeNo string|integer Store number

---List a member's changes of points.
---@class itrigger.params.member.point_list
---@field mobile string|integer Mobile number
---@field storeNo string|integer Store number
---@field pageNum integer Page, from 1
---@field pageSize integer Rows per page

---Change a member's points.
---@class itrigger.params.member.point_modify
---@field mobile string|integer Mobile number
---@field storeNo string|integer Store number
---@field changeDesc string Why it changes
---@field changePoint? number|string Points
---@field changeTime? string|integer When it changes
---@field effectiveTime? string|integer Valid from
---@field invalidTime? string|integer Valid until
---@field operation? "add"|"sub" Add or subtract; add if absent
---@field reasonText? string Reason
---@field reasonType? string Kind of reason

---Change a member's growth value.
---@class itrigger.params.member.growth_modify
---@field mobile string|integer Mobile number
---@field storeNo string|integer Store number
---@field changeDesc string Why it changes
---@field changeGrowth? number|string Growth value
---@field changeTime? string|integer When it changes
---@field effectiveTime? string|integer Valid from
---@field invalidTime? string|integer Valid until
---@field operation? "add"|"sub" Add or subtract; add if absent
---@field reasonText? string Reason
---@field reasonType? string Kind of reason

---Query a coupon by its code.
---@class itrigger.params.coupons.detail_by_code
---@field userCardCode string|integer Coupon code

---Query a coupon template.
---@class itrigger.params.coupons.detail_by_template
---@field templateId string|integer Template id

---Spend a coupon (a GET that changes something).
---@class itrigger.params.coupons.consume
---@field userCardCode string|integer Coupon code
---@field userId string|integer The member's person id

---List a member's coupons.
---@class itrigger.params.coupons.list
---@field pageNum integer Page, from 1
---@field pageSize integer Rows per page
---@field phone? string|integer Mobile number
---@field channelRecoginizeId? string|integer The user's id on the channel (the vendor's own spelling)
---@field channelType? string|integer Kind of channel
---@field tenantId? string|integer Tenant id

---Give a coupon to members.
---@class itrigger.params.coupons.divide
---@field couponId string|integer Template id
---@field phones? string|string[] Mobile numbers: an array, or one string with commas
---@field channelRecoginizeId? string|integer The user's id on the channel (the vendor's own spelling)
---@field channelType? string|integer Kind of channel

---Upload a platform's order.
---@class itrigger.params.order.trades
---@field platformCode string|integer Platform
---@field platformTradeCode string|integer The platform's order number
---@field shopName string Shop
---@field originalContent string|table The order as the platform gave it
---@field buyerNick? string Buyer's nickname
---@field sellerNick? string Seller's nickname
---@field createTime? string|integer When it was created

---Upload a platform's refund.
---@class itrigger.params.order.refunds
---@field platformCode string|integer Platform
---@field platformRefundCode string|integer The platform's refund number
---@field shopName string Shop
---@field refundContent string|table The refund as the platform gave it
---@field id? string|integer Id
---@field buyerNick? string Buyer's nickname
---@field sellerNick? string Seller's nickname
---@field createTime? string|integer When it was created

---Save a product.
---@class itrigger.params.product.save
---@field name string Name
---@field code string|integer Product code
---@field type string|integer Kind of product
---@field barcode? string|integer Barcode
---@field brandId? string|integer Brand id
---@field goodsCostPrice? number|string Cost price
---@field goodsManufactureDate? string|integer Date of manufacture
---@field goodsManufacturer? string Manufacturer
---@field goodsOrigin? string Origin
---@field goodsPrice? number|string Price
---@field goodsWeight? number|string Weight
---@field itemImgs? any Pictures
---@field memo? string Note
---@field picUrl? string URL of the main picture
---@field supplierId? string|integer Supplier id
---@field supplierName? string Supplier
---@field unit? string Unit
---@field descModules? any Modules of the description

---Trigger an event; takes any attribute that is configured for it.
---@class itrigger.params.event.trigger: table<string, any>
---@field personId string|integer The member's person id
---@field brandId string|integer Brand id
---@field eventCode string|integer Code of the event
---@field eventTime? string|integer When it happened

---The vendor's test endpoint for GET.
---@class itrigger.params.test.get: table<string, any>

---The vendor's test endpoint for POST.
---@class itrigger.params.test.post: table<string, any>

---@class itrigger.endpoint.member.register
---@overload fun(params: itrigger.params.member.register, opts?: itrigger.CallOpts): itrigger.Envelope?, itrigger.Error?

---@class itrigger.endpoint.member.query
---@overload fun(params: itrigger.params.member.query, opts?: itrigger.CallOpts): itrigger.Envelope?, itrigger.Error?

---@class itrigger.endpoint.member.modify
---@overload fun(params: itrigger.params.member.modify, opts?: itrigger.CallOpts): itrigger.Envelope?, itrigger.Error?

---@class itrigger.endpoint.member.binding
---@overload fun(params: itrigger.params.member.binding, opts?: itrigger.CallOpts): itrigger.Envelope?, itrigger.Error?

---@class itrigger.endpoint.member.point
---@overload fun(params: itrigger.params.member.point, opts?: itrigger.CallOpts): itrigger.Envelope?, itrigger.Error?

---@class itrigger.endpoint.member.point_list
---@overload fun(params: itrigger.params.member.point_list, opts?: itrigger.CallOpts): itrigger.Envelope?, itrigger.Error?
---@field pages fun(self: itrigger.endpoint.member.point_list, params: table, opts?: itrigger.PagesOpts): itrigger.Rows

---@class itrigger.endpoint.member.point_modify
---@overload fun(params: itrigger.params.member.point_modify, opts?: itrigger.CallOpts): itrigger.Envelope?, itrigger.Error?

---@class itrigger.endpoint.member.growth_modify
---@overload fun(params: itrigger.params.member.growth_modify, opts?: itrigger.CallOpts): itrigger.Envelope?, itrigger.Error?

---@class itrigger.group.member
---@field register itrigger.endpoint.member.register Register a member
---@field query itrigger.endpoint.member.query Query a member
---@field modify itrigger.endpoint.member.modify Change a member's data
---@field binding itrigger.endpoint.member.binding Bind a member to a channel
---@field point itrigger.endpoint.member.point Query a member's points
---@field point_list itrigger.endpoint.member.point_list List a member's changes of points
---@field point_modify itrigger.endpoint.member.point_modify Change a member's points
---@field growth_modify itrigger.endpoint.member.growth_modify Change a member's growth value

---@class itrigger.endpoint.coupons.detail_by_code
---@overload fun(params: itrigger.params.coupons.detail_by_code, opts?: itrigger.CallOpts): itrigger.Envelope?, itrigger.Error?

---@class itrigger.endpoint.coupons.detail_by_template
---@overload fun(params: itrigger.params.coupons.detail_by_template, opts?: itrigger.CallOpts): itrigger.Envelope?, itrigger.Error?

---@class itrigger.endpoint.coupons.consume
---@overload fun(params: itrigger.params.coupons.consume, opts?: itrigger.CallOpts): itrigger.Envelope?, itrigger.Error?

---@class itrigger.endpoint.coupons.list
---@overload fun(params: itrigger.params.coupons.list, opts?: itrigger.CallOpts): itrigger.Envelope?, itrigger.Error?
---@field pages fun(self: itrigger.endpoint.coupons.list, params: table, opts?: itrigger.PagesOpts): itrigger.Rows

---@class itrigger.endpoint.coupons.divide
---@overload fun(params: itrigger.params.coupons.divide, opts?: itrigger.CallOpts): itrigger.Envelope?, itrigger.Error?

---@class itrigger.group.coupons
---@field detail_by_code itrigger.endpoint.coupons.detail_by_code Query a coupon by its code
---@field detail_by_template itrigger.endpoint.coupons.detail_by_template Query a coupon template
---@field consume itrigger.endpoint.coupons.consume Spend a coupon (a GET that changes something)
---@field list itrigger.endpoint.coupons.list List a member's coupons
---@field divide itrigger.endpoint.coupons.divide Give a coupon to members

---@class itrigger.endpoint.order.trades
---@overload fun(params: itrigger.params.order.trades, opts?: itrigger.CallOpts): itrigger.Envelope?, itrigger.Error?

---@class itrigger.endpoint.order.refunds
---@overload fun(params: itrigger.params.order.refunds, opts?: itrigger.CallOpts): itrigger.Envelope?, itrigger.Error?

---@class itrigger.group.order
---@field trades itrigger.endpoint.order.trades Upload a platform's order
---@field refunds itrigger.endpoint.order.refunds Upload a platform's refund

---@class itrigger.endpoint.product.save
---@overload fun(params: itrigger.params.product.save, opts?: itrigger.CallOpts): itrigger.Envelope?, itrigger.Error?

---@class itrigger.group.product
---@field save itrigger.endpoint.product.save Save a product

---@class itrigger.endpoint.event.trigger
---@overload fun(params: itrigger.params.event.trigger, opts?: itrigger.CallOpts): itrigger.Envelope?, itrigger.Error?

---@class itrigger.group.event
---@field trigger itrigger.endpoint.event.trigger Trigger an event; takes any attribute that is configured for it

---@class itrigger.endpoint.test.get
---@overload fun(params: itrigger.params.test.get, opts?: itrigger.CallOpts): itrigger.Envelope?, itrigger.Error?

---@class itrigger.endpoint.test.post
---@overload fun(params: itrigger.params.test.post, opts?: itrigger.CallOpts): itrigger.Envelope?, itrigger.Error?

---@class itrigger.group.test
---@field get itrigger.endpoint.test.get The vendor's test endpoint for GET
---@field post itrigger.endpoint.test.post The vendor's test endpoint for POST

---@class itrigger.Client
---@field member itrigger.group.member
---@field coupons itrigger.group.coupons
---@field order itrigger.group.order
---@field product itrigger.group.product
---@field event itrigger.group.event
---@field test itrigger.group.test

---@class itrigger
---@field member itrigger.group.member
---@field coupons itrigger.group.coupons
---@field order itrigger.group.order
---@field product itrigger.group.product
---@field event itrigger.group.event
---@field test itrigger.group.test
