"""The public HTTP API under `/v1`, one module per resource. Every route, with the function that answers it:

GET    /v1/attributes                                                 attributes.list_attributes
PUT    /v1/attributes/{key}                                           attributes.declare_attribute
GET    /v1/audiences/{audience_id}                                    recipients.get_audience
GET    /v1/audiences/{audience_id}/recipients                         recipients.list_audience_recipients
GET    /v1/campaigns                                                  campaigns.list_campaigns
POST   /v1/campaigns                                                  campaigns.create_campaign
GET    /v1/campaigns/{campaign_id}                                    campaigns.get_campaign
PATCH  /v1/campaigns/{campaign_id}                                    campaigns.edit_campaign
DELETE /v1/campaigns/{campaign_id}                                    campaigns.delete_campaign
POST   /v1/campaigns/{campaign_id}/audience                           campaigns.freeze_audience
GET    /v1/campaigns/{campaign_id}/recipients                         recipients.list_campaign_recipients
GET    /v1/changes                                                    changes.list_all_changes
GET    /v1/customers                                                  customers.list_customers
POST   /v1/customers/bulk                                             bulk.bulk_customers
GET    /v1/customers/{external_id}                                    customers.get_customer
PUT    /v1/customers/{external_id}                                    customers.put_customer
DELETE /v1/customers/{external_id}                                    customers.delete_customer
GET    /v1/customers/{external_id}/segments                           customers.list_segments_of_customer
GET    /v1/dead-letters                                               dead_letters.list_dead_letters
POST   /v1/dead-letters/{dead_letter_id}/retry                        dead_letters.retry_dead_letter
GET    /v1/imports/{import_id}                                        imports.get_import
GET    /v1/imports/{import_id}/errors.csv                             imports.import_errors
GET    /v1/keys                                                       keys.list_keys
POST   /v1/keys                                                       keys.create_key
DELETE /v1/keys/{key_id}                                              keys.revoke_key
GET    /v1/segments                                                   segments.list_segments
POST   /v1/segments                                                   segments.create_segment
GET    /v1/segments/import-sample.csv                                 imports.import_sample
POST   /v1/segments/preview                                           preview.preview_segment
GET    /v1/segments/{segment_id}                                      segments.get_segment
PATCH  /v1/segments/{segment_id}                                      segments.edit_segment
DELETE /v1/segments/{segment_id}                                      segments.delete_segment
GET    /v1/segments/{segment_id}/candidates                           members.list_candidates
GET    /v1/segments/{segment_id}/changes                              changes.list_changes
GET    /v1/segments/{segment_id}/customers/{customer_id}/explanation  explanations.explain_membership
GET    /v1/segments/{segment_id}/history                              history.list_history
GET    /v1/segments/{segment_id}/history/sizes                        history.list_sizes
POST   /v1/segments/{segment_id}/imports                              imports.import_members
GET    /v1/segments/{segment_id}/members                              members.list_members
POST   /v1/segments/{segment_id}/members                              members.add_members
DELETE /v1/segments/{segment_id}/members/{customer_id}                members.remove_member
GET    /v1/webhooks                                                   webhooks.subscriptions.list_webhooks
POST   /v1/webhooks                                                   webhooks.subscriptions.create_webhook
GET    /v1/webhooks/{webhook_id}                                      webhooks.subscriptions.get_webhook
PATCH  /v1/webhooks/{webhook_id}                                      webhooks.subscriptions.edit_webhook
DELETE /v1/webhooks/{webhook_id}                                      webhooks.subscriptions.delete_webhook
GET    /v1/webhooks/{webhook_id}/deliveries                           webhooks.delivery.list_deliveries
POST   /v1/webhooks/{webhook_id}/redeliver                            webhooks.delivery.redeliver
POST   /v1/webhooks/{webhook_id}/secret                               webhooks.delivery.rotate_secret
POST   /v1/webhooks/{webhook_id}/test                                 webhooks.delivery.send_test

What a function needs of a key (read, ingest or admin) is the type of its `caller`; see `api.http.access`.
"""
