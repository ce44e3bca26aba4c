-- What somebody may read who was given access read-only: views of the columns that say nothing of a person. Phase:
-- expand (new views). Read after 0009's other files, whose tables it shows.
--
-- Columns are shown by name, so a new one is not until somebody writes it here; tests/ops/test_access_views.py wants
-- every column either here or in its list of what is withheld. Guests' and staff's names, addresses, telephone numbers,
-- words (anybody may write anything there), networks and browsers are withheld; so is what opens something (hashes,
-- tokens, keys). A migration that changes the type of a shown column, or drops it, drops its view first.
CREATE SCHEMA readable;

CREATE PROCEDURE show_columns(p_table text, p_columns text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE VIEW readable.%I AS SELECT %s FROM public.%I', p_table,
                   (SELECT string_agg(quote_ident(name), ', ' ORDER BY position)
                      FROM unnest(string_to_array(p_columns, ' ')) WITH ORDINALITY AS c(name, position)), p_table);
END $$;

CALL show_columns('access_grant', 'id role granted_at until approval in_kubernetes in_database at_aws ended_at');
CALL show_columns('access_reaped', 'one at');
CALL show_columns('alembic_version', 'version_num');
CALL show_columns('api_key', 'id scopes property_ids created_at expires_at revoked_at last_used_at replaced_by');
CALL show_columns('audit_archive', 'position hash file sha256 made_at');
CALL show_columns('audit_entry', 'id at actor_kind action object_kind property_id booking_id');
CALL show_columns('audit_horizon', 'one floor next_floor next_xid');
CALL show_columns('audit_link', 'position entry_id hash');
CALL show_columns('backup_heartbeat', 'only_one at');
CALL show_columns('booking', 'id reference property_id guest_id status currency total due_now source created_at'
    ' hold_expires_at confirmed_at cancelled_at language collect_at collect_tries goodwill');
CALL show_columns('booking_entry', 'booking_id property_id status arrival departure created_at total fee paid refunding'
    ' owed');
CALL show_columns('booking_note', 'id booking_id created_at');
CALL show_columns('cancellation_policy', 'id property_id code name steps no_show version');
CALL show_columns('dispute', 'gateway reference payment_id amount currency status reason respond_by opened_at'
    ' updated_at');
CALL show_columns('exchange_rate', 'currency per_euro as_of source updated_at');
CALL show_columns('gateway_notice', 'gateway id kind reference payment_id created_at received_at');
CALL show_columns('group_page', 'kind language body version updated_at');
CALL show_columns('guest', 'id country created_at erased_at');
CALL show_columns('guest_account', 'id email_verified_at password_changed_at country language currency marketing'
    ' marketing_at created_at');
CALL show_columns('guest_account_booking', 'booking_id account_id');
CALL show_columns('guest_message', 'note_id booking_id property_id created_at answered_at');
CALL show_columns('hold_expired', 'id source');
CALL show_columns('hold_telling', 'one told_until');
CALL show_columns('incident', 'id kind title public_title severity phase source components channel started_at'
    ' declared_at acknowledged_at resolved_at closed_at reminded_at escalated_at updated_at update_reminded_at version');
CALL show_columns('incident_action', 'id incident_id due_on created_at done_at');
CALL show_columns('incident_alert', 'id incident_id fingerprint group_key name labels annotations source_url starts_at'
    ' ends_at');
CALL show_columns('incident_delivery', 'id incident_id target act status attempts created_at next_at sent_at');
CALL show_columns('incident_entry', 'id incident_id at kind');
CALL show_columns('incident_role', 'incident_id role since');
CALL show_columns('incident_update', 'id incident_id at status body template');
CALL show_columns('invariant_result', 'name checked_at differences');
CALL show_columns('job_trace', 'job_id traceparent');
CALL show_columns('ledger', 'booking_id created_at kind amount currency payment_id refund_id');
CALL show_columns('ledger_charge', 'id booking_id kind amount currency reverses created_at');
CALL show_columns('ledger_entry', 'id booking_id kind amount currency payment_id refund_id created_at');
CALL show_columns('mail_attempt', 'id message_id at outcome');
CALL show_columns('mail_message', 'id template language booking_id property_id staff_id status attempts created_at'
    ' touched_at');
CALL show_columns('maintenance_window', 'id month starts_at ends_at title body components announced_at cancelled_at'
    ' created_at updated_at version');
CALL show_columns('night_archive', 'one before');
CALL show_columns('operations_result', 'id kind at succeeded');
CALL show_columns('outside_off', 'only_one since');
CALL show_columns('payment', 'id booking_id amount currency gateway status gateway_reference decline_code created_at'
    ' updated_at purpose capture_at to_capture captured');
CALL show_columns('place', 'id name country lat lon population timezone kind region names');
CALL show_columns('place_name', 'name place_id weight shown latin');
CALL show_columns('procrastinate_events', 'id job_id type at');
CALL show_columns('procrastinate_jobs', 'id queue_name task_name priority status scheduled_at attempts abort_requested'
    ' worker_id');
CALL show_columns('procrastinate_periodic_defers', 'id task_name defer_timestamp job_id periodic_id');
CALL show_columns('procrastinate_schema', 'file applied_at');
CALL show_columns('procrastinate_workers', 'id last_heartbeat');
CALL show_columns('property', 'id slug name description stars place_id address postal_code city country lat lon'
    ' timezone currency amenities email phone check_in_time check_out_time tax_rounding child_bands active version'
    ' language day_end_time');
CALL show_columns('property_name', 'property_id name shown');
CALL show_columns('property_photo', 'id property_id room_type_id file widths width height alt sort created_at');
CALL show_columns('quote', 'id property_id arrival departure currency total due_now created_at expires_at booking_id');
CALL show_columns('rate_edit', 'id property_id kind made_at staff_id room_type_ids first_night last_night cells changes'
    ' undoes');
CALL show_columns('rate_night', 'room_type_id rate_plan_id night price extra_adult child_amounts closed min_stay_arrival'
    ' min_stay_through max_stay closed_to_arrival closed_to_departure');
CALL show_columns('rate_plan', 'id property_id code name description meal policy_id deposit_kind deposit_value parent_id'
    ' adjust_kind adjust_value adjust_per_person min_advance_days max_advance_days min_stay max_stay active sort version'
    ' deposit_capture balance_days');
CALL show_columns('reconciliation', 'id gateway since until ran_at payments differences');
CALL show_columns('reconciliation_difference', 'reconciliation_id position kind payment_id reference ours theirs');
CALL show_columns('refund', 'id payment_id amount status created_at done_at gateway_reference again');
CALL show_columns('replica_beat', 'process beat at');
CALL show_columns('reservation', 'id booking_id position room_type_id rate_plan_id arrival departure taken status adults'
    ' terms_id night_prices net tax total fee checked_in_at checked_out_at');
CALL show_columns('restore_affected', 'id restore_point_id kind became amount currency noted_at');
CALL show_columns('restore_point', 'id backup until restored_at matched_at opened_at');
CALL show_columns('room', 'id property_id room_type_id number floor active version');
CALL show_columns('room_night', 'room_type_id night physical blocked overbooking_limit taken closed min_stay_arrival'
    ' min_stay_through max_stay closed_to_arrival closed_to_departure offered capacity');
CALL show_columns('room_type', 'id property_id code name description base_occupancy max_occupancy max_adults'
    ' max_children extra_adult child_amounts beds size_m2 amenities active sort version');
CALL show_columns('room_use', 'id room_id stay reservation_id');
CALL show_columns('sale_terms', 'id body');
CALL show_columns('sandbox_refund', 'id payment_id amount');
CALL show_columns('search_change', 'xid id what key plan first until');
CALL show_columns('search_change_mark', 'xid made_at purged');
CALL show_columns('site_closure', 'id window_id closed_at until opened_at by_gateway');
CALL show_columns('staff', 'id language active password_changed_at totp_confirmed_at created_at version');
CALL show_columns('staff_grant', 'id staff_id role property_id');
CALL show_columns('status_component', 'component state since checked_at failures');
CALL show_columns('status_day', 'day component up slow down');
CALL show_columns('status_delivery', 'id webhook_id event_key status attempts created_at next_at');
CALL show_columns('status_event', 'key at title body reached told_at');
CALL show_columns('status_probe', 'at component outcome milliseconds reason');
CALL show_columns('status_subscriber', 'id language asked_at confirmed_at');
CALL show_columns('status_webhook', 'id asked_at confirmed_at');
CALL show_columns('stay_override', 'id booking_id refusal made_at');
CALL show_columns('tax', 'id property_id code name kind value charge_type included exempt_below_age max_nights valid_from'
    ' valid_to version');
CALL show_columns('till_closing', 'id property_id since closed_at currency opening cash_taken cash_reversed'
    ' cash_given_back counted removed entries');
CALL show_columns('translation', 'property_id kind object_id language field content');
